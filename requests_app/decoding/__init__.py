"""Turns strangers' files into pixels, in a process that can do nothing else.

In:  the bytes of an uploaded file, and the type it is to be read as.
Out: pixels, frame by frame, as the portal's own values.
Never here: Django, a name, a key, the network, a file. What a decoder of hostile bytes could be made to do, its process
is not allowed to do.
"""
