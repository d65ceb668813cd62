"""The sandbox contact centre: an invented Vonage Contact Center account in a process of its own.

In: HTTP on 127.0.0.1. Out: the vendor's documented answers, and a control plane under /sandbox.
Never here: a line of the portal. The two meet over HTTP and nowhere else.
"""
