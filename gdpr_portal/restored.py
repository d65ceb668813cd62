"""The one page that a restored portal shows, until it has forgotten again whom it had forgotten before.

In:  every request.
Out: the same, or the page with status 503.
Never here: a way round for somebody. Static files come from the middleware above.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from requests_app import forgotten_list

#: Seconds after which a browser may ask again.
_LATER = 60


def stay_shut(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware. Where nobody was forgotten yet it asks the file system and nothing else."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if not forgotten_list.replay_is_due():
            return get_response(request)
        page = render(request, "503.html", status=503)
        page.headers["Retry-After"] = str(_LATER)
        page.headers["Cache-Control"] = "no-store"
        return page

    return answer
