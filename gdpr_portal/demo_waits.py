"""What waits where in the demo, as things stand: what a visitor may look at first.

In:  the requests and systems that there are.
Out: sentences, each with the account that it is for.
Never here: anything that the accounts' own first page does not say too.
"""

from django.contrib.auth.models import User

from content_app.models import System
from requests_app.models import Request


def gather() -> list[tuple[str, str]]:
    """(user name, what waits for them)."""
    told = []
    for state, sentence in (
        ("validated", "{} was found and can be reviewed"),
        ("verified", "{} is deleted and read back: send the reply"),
    ):
        if request := Request.objects.filter(state=state, errand__attention="").order_by("received_at").first():
            told.append(("staff", sentence.format(request.reference)))
    planned = Request.objects.filter(state="planned").order_by("received_at")
    for username in ("supervisor", "supervisor2"):
        user = User.objects.get(username=username)
        if request := planned.exclude(bars__user=user).order_by("received_at").first():
            told.append((username, f"{request.reference} waits for your approval"))
        if request := planned.filter(bars__user=user).first():
            told.append((username, f"{request.reference} is barred to you, and says why"))
    if system := System.objects.filter(shadow=True).first():
        told.append(("administrator", f"{system.name} is in shadow mode: propose that it may delete"))
    told.append(("auditor", "the whole trail, to browse and to verify"))
    return told
