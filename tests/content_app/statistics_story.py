"""What the tests of a count in the statistics share: contacts without content, what was counted, the pages read.

In:  a contact centre in memory.
Out: a call of a person, what was counted for them, the calls to the statistics, the entries of the ledger.
Never here: a test.
"""

from datetime import timedelta

from content_app import leftovers
from requests_app.models import LedgerLeaf
from tests.centre import PHONE
from tests.content_app.sweeping_story import number


def read(connect):
    """The contact centre, whose statistics are read: 70 days are three windows of 31 days."""
    return connect(name="Contact centre", reads_statistics=True, history_days=70)


def call(centre, name, n=None, *, days, held=False, **more):
    """A contact of the person with number ``n``, or of the usual one; without content unless ``held``."""
    told = {"connect_from": PHONE if n is None else number(n)} | more
    centre.hold(name, *(["voicemail"] if held else []), ago=timedelta(days=days), **told)


def counted(request):
    (row,) = leftovers.latest(request)
    return row.contacts, row.doubtful


def pages(centre):
    return centre.asked("statistics")


def entries():
    return LedgerLeaf.objects.filter(type="leftovers.counted").count()
