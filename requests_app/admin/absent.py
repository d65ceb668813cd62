"""A page of Django's admin that is asked for an id which is not there.

In:  any id.
Out: the portal's own page that says so, with 404.
Never here: a way to the first page with a message, which looks as if the link had worked.
"""

from typing import Any, NoReturn

from django.contrib import admin
from django.http import Http404, HttpRequest


class NotFoundAdmin(admin.ModelAdmin):
    """Django leads to the first page instead."""

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> NoReturn:
        raise Http404("There is nothing with this id.")
