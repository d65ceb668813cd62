"""What the tests of a pass for all share: people with a number each, their calls, the pages that were read.

In:  a contact centre in memory.
Out: a person's number, a call of theirs, what was found for them.
Never here: a test.
"""


def number(n):
    return f"+4477009001{n:02d}"


def found(request):
    return set(request.candidates.values_list("external_id", flat=True))


def pages(centre):
    return [entry for entry in centre.asked("find") if entry[:2] == (None, None)]


def call(centre, name, n, **more):
    centre.hold(name, "voicemail", connect_from=number(n), **more)
