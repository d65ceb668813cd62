"""Connected systems on screen: the list, the page of each, the form that administrators keep.

In:  people who may see systems; administrators for the form.
Out: rows with their ledger entry in the same transaction, and the controls of ``system_acts``.
Never here: a secret, a delete, or a change of address under which deletion stays enabled.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from content_app.admin import doors, system_acts
from content_app.admin.system_form import SystemForm
from content_app.connectors import registry
from content_app.models import System
from requests_app import audit
from requests_app.admin.absent import NotFoundAdmin

#: Fields that say *which* account is meant. Two people enabled deletion for that one and for no other.
_ACCOUNT = frozenset({"gateway_url", "auth_url", "credential"})


@admin.register(System)
class SystemAdmin(NotFoundAdmin):
    """Systems are added and changed by administrators, watched by everybody who sees cases, deleted by nobody."""

    form = SystemForm
    actions = None
    list_display = ("name", "kind_", "host_", "mode_", "stop_", "credentials_", "tested_")
    change_form_template = "content/system.html"
    ordering = ("name",)
    list_select_related = ("enable_proposed_by", "enable_confirmed_by")
    show_full_result_count = False

    def get_urls(self) -> list[Any]:
        def own(verb: str, view: Any) -> Any:
            wrapped = self.admin_site.admin_view(require_POST(view))
            return path(f"<uuid:system_id>/{verb}/", wrapped, name=f"content_system_{verb}")

        acts = [own(verb, partial(system_acts.act, verb=verb)) for verb in system_acts.ACTS]
        return [*acts, own("test", system_acts.test), *super().get_urls()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        words = {
            "list_lede": "Where content is looked for and deleted. Two people must enable deletion on each.",
            "empty_title": "No system is connected",
            "empty_lede": "An administrator adds the contact centre's account; the search then starts by itself.",
        }
        return super().changelist_view(request, words | (extra_context or {}))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        extra = dict(extra_context or {}) | {"show_save_and_add_another": False, "show_save_and_continue": False}
        system = self.get_object(request, object_id) if object_id else None
        extra |= {"title": system.name if system else "Connect a system", "subtitle": ""}
        if system is not None and self.has_view_permission(request, system):
            extra |= system_acts.context_of(system, doors.user_of(request))
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: System, form: Any, change: bool) -> None:
        """Save the row and say so in the ledger, in the form's own transaction."""
        user = doors.user_of(request)
        moved = change and not obj.shadow and bool(_ACCOUNT & set(form.changed_data))
        if moved:
            obj.shadow, obj.enable_proposed_by, obj.enable_confirmed_by = True, None, None
        super().save_model(request, obj, form, change)
        audit.append("system.changed", actor=user, about=obj, system=obj.pk, reason="changed" if change else "added")
        if moved:
            audit.append("system.shadowed", actor=user, about=obj, system=obj.pk, reason="account_changed")
            messages.warning(request, "The account has changed, so the system is back in shadow mode.")

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django keeps a log of its own; ours is the ledger."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django keeps a log of its own; ours is the ledger."""

    # --- columns -----------------------------------------------------------------------------------------------------

    @admin.display(description="System")
    def kind_(self, system: System) -> str:
        return registry.manifest(system.kind).label

    @admin.display(description="Address")
    def host_(self, system: System) -> str:
        return urlsplit(system.gateway_url).netloc

    @admin.display(description="Mode", ordering="shadow")
    def mode_(self, system: System) -> str:
        if system.retired:
            return _badge("", "Retired")
        if not system.shadow:
            return _badge("teal", "Deletion enabled")
        proposed = system.enable_proposed_by_id is not None
        return _badge("amber", "Waits for a second person") if proposed else _badge("", "Shadow mode")

    @admin.display(description="Emergency stop", ordering="stopped")
    def stop_(self, system: System) -> str:
        return _badge("red", "Stopped") if system.stopped else _quiet("No stop set")

    @admin.display(description="Credentials")
    def credentials_(self, system: System) -> str:
        missing = [name for name, there in system_acts.credentials(system) if not there]
        return _badge("red", "Credentials missing") if missing else _badge("green", "Credentials present")

    @admin.display(description="Last test")
    def tested_(self, system: System) -> str:
        tested = system_acts.last_test(system.pk)
        if tested is None:
            return _quiet("Not tested")
        return _badge("green", "Passed") if tested.passed else _badge("red", "Failed")


def _badge(tone: str, text: str) -> str:
    return format_html('<span class="badge tone-{}">{}</span>', tone or "neutral", text)


def _quiet(text: str) -> str:
    return format_html('<span class="quiet">{}</span>', text)
