"""Who gets in where: asks every address of the admin site as every role.

In:  the resolver, one person for each role and one without any, an object for each address.
Out: (address name, method) → role → whether the door opens, and the table of it in ``docs/roles.md``.
Never here: a change that stays (every answer is rolled back), or an address that is left out in silence.

An address is asked with GET, and with POST where GET is not allowed. The door is closed when the answer is 403, 404
or a way to the sign-in page, and also when it leads back to the first page. A new address needs nothing here, unless
it takes an argument that ``World.arguments`` does not know or a form that must be filled in (``World.forms``).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models, transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils import timezone
from PIL import Image

from content_app import planning
from content_app.models import Plan, System
from gdpr_portal.roles import ROLES
from requests_app import access_log, sampling, suppression
from requests_app.models import (
    AccessLogEntry,
    DataSubject,
    Evidence,
    KekEpoch,
    LedgerLeaf,
    Request,
    Sample,
    StaffAccount,
    Suppression,
)
from tests import factories, story
from tests.docs import tables

DOCUMENT = "docs/roles.md"
BEGIN, END = "<!-- begin: python -m tests.docs.roles_table -->", "<!-- end -->"
NOBODY = "no role"
COLUMNS = [*ROLES, NOBODY]
#: Addresses that are the same for everybody who has an account, with the reason.
SAME_FOR_ALL = {
    "index": "the first page shows what the person's permissions open",
    "login": "the way in",
    "logout": "the way out",
    "password_change": "leads to one's own password",
    "password_change_done": "leads nowhere",
    "jsi18n": "Django's translations for scripts",
    "autocomplete": "Django's own; no form uses it",
    "view_on_site": "Django's own; no model has a public page",
    "app_list": "leads to the first page",
}
#: Pages of our own that more people may see than use: asked with both methods.
BOTH = {"content_choose", "requests_app_request_open_evidence"}
Access = dict[tuple[str, str], dict[str, bool]]


def admin_names() -> Iterator[tuple[str, tuple[str, ...]]]:
    """(name, names of its arguments) of every named address of the admin site that depends on the person."""
    for pattern in get_resolver("gdpr_portal.urls").url_patterns:
        if getattr(pattern, "namespace", None) == "admin":
            yield from sorted(set(_named(pattern.url_patterns)))


def _named(patterns: list[Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for pattern in patterns:
        if not isinstance(pattern, URLPattern):
            yield from _named(pattern.url_patterns)
        elif pattern.name and pattern.name not in SAME_FOR_ALL:
            yield pattern.name, tuple(pattern.pattern.converters)


@dataclass
class World:
    """An object for every address, and what must be filled in where a form comes before the door."""

    request: Request
    plan: Plan
    system: System
    evidence: Evidence
    rows: dict[type[models.Model], Any]

    def arguments(self, name: str, wanted: tuple[str, ...]) -> dict[str, Any]:
        known = {
            "request_id": self.request.pk,
            "plan_id": self.plan.pk,
            "system_id": self.system.pk,
            "evidence_id": self.evidence.pk,
            "sample_id": self.rows[Sample].pk,
            "leaf_id": self.rows[LedgerLeaf].pk,
            "entry_id": self.rows[Suppression].pk,
            "fmt": "json",
            "id": self.rows[User].pk,
        }
        found = {one: known[one] for one in wanted if one in known}
        if "object_id" in wanted:
            found["object_id"] = self._row_of(name).pk
        missing = set(wanted) - set(found)
        assert not missing, f"{name} takes {missing}: tell World.arguments in tests/docs/doors.py"
        return found

    def _row_of(self, name: str) -> Any:
        """Django's own addresses begin with application and model."""
        for model, row in self.rows.items():
            if name.startswith(f"{model._meta.app_label}_{model._meta.model_name}_"):
                return row
        raise AssertionError(f"{name}: World.rows in tests/docs/doors.py has no row for it")

    def forms(self, name: str) -> dict[str, Any]:
        frozen = {"plan_id": self.plan.pk, "digest": self.plan.digest, "confirmed": str(self.plan.items.count())}
        return {
            "requests_app_request_finding": {"method": "callback", "level": "IAL-2", "result": "passed"},
            "requests_app_request_evidence": {
                "kind": "message",
                "file": SimpleUploadedFile("letter.png", _picture(), content_type="image/png"),
            },
            "content_approve": frozen,
        }.get(name, {"reason": "", "channel": "", "link": ""})


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def build() -> World:
    """A planned request with everything that hangs on it, taken by people who are not asked later."""
    opener, checker = factories.person("one.opener", "staff"), factories.person("two.checker", "staff")
    system = factories.SystemFactory(credential="NOBODY")
    request = story.validated(opener, checker)
    story.found(request, system)
    plan = planning.freeze(request.pk, actor=checker)
    epoch, _ = KekEpoch.objects.get_or_create(id=1)
    evidence = Evidence.objects.create(
        request=request, kind="message", media_type="application/pdf", size=1, sha256="0" * 64, epoch=epoch,
        added_by=opener, destroyed_at=timezone.now(),
    )  # fmt: skip
    access_log.note(opener, access_log.What.LIST)
    account = StaffAccount.objects.create(system_id=system.pk, external_id="7", user=opener)
    suppression.suppress(request.pk, actor=checker, channel="all")
    request.refresh_from_db()
    rows = {
        Request: request, Plan: plan, System: system, User: opener, StaffAccount: account,
        Group: Group.objects.get(name="staff"), DataSubject: request.subject,
        LedgerLeaf: LedgerLeaf.objects.latest("id"), AccessLogEntry: AccessLogEntry.objects.latest("id"),
        Sample: _sample(opener),
        Suppression: Suppression.objects.get(),
    }  # fmt: skip
    return World(request, plan, system, evidence, rows)


def _sample(by: User) -> Sample:
    now = timezone.now()
    return Sample.objects.create(
        seed="door", since=now - timedelta(days=1), until=now, wanted=1, population=0,
        population_digest=sampling.digest([]), drawn=[], drawn_digest=sampling.digest([]), by=by, at=now,
    )  # fmt: skip


def people() -> dict[str, Client]:
    """A signed-in client for each role, and one for a person without any."""
    clients = {}
    for role in COLUMNS:
        client = Client(raise_request_exception=True)
        client.force_login(factories.person(f"door.{role.replace(' ', '')}", "" if role == NOBODY else role))
        session = client.session
        session["taken_request"] = {"reference": "DSR-0000-0000", "duplicates": []}
        session.save()
        clients[role] = client
    return clients


def _ask(client: Client, name: str, world: World, wanted: tuple[str, ...], *, method: str) -> Any:
    """One answer, and nothing of what it did. The rooms open durable transactions, as they may inside a test."""
    undone = transaction.atomic()
    undone._from_testcase = True
    with undone:
        address = reverse(f"admin:{name}", kwargs=world.arguments(name, wanted))
        data = {} if method == "get" else world.forms(name)
        answer = getattr(client, method)(address, data)
        transaction.set_rollback(True)
    return answer


def is_open(answer: Any) -> bool:
    """Whether the door opened. A fault is no answer."""
    assert answer.status_code < 500, answer
    if answer.status_code in (403, 404):
        return False
    led_to = answer.headers.get("Location", "")
    return not (led_to == "/admin/" or led_to.startswith(("/accounts/", "/admin/login/")))


def access() -> Access:
    """The whole answer."""
    world, clients, found = build(), people(), {}
    for name, wanted in admin_names():
        first = _ask(clients[NOBODY], name, world, wanted, method="get")
        methods = ("post",) if first.status_code == 405 else ("get", "post") if name in BOTH else ("get",)
        for method in methods:
            found[name, method.upper()] = {
                role: is_open(_ask(client, name, world, wanted, method=method)) for role, client in clients.items()
            }
    return found


# --- the document ----------------------------------------------------------------------------------------------------


def rendered(found: Access) -> str:
    """The table. Addresses that are closed to everybody come last, in one sentence, so that the table stays short."""
    rows = [
        [f"`{name}`", method, *("yes" if allowed[role] else "–" for role in COLUMNS)]
        for (name, method), allowed in found.items()
        if any(allowed.values())
    ]
    closed = sorted({f"`{name}`" for (name, _), allowed in found.items() if not any(allowed.values())})
    return (
        tables.markdown(["Address", "Method", *COLUMNS], rows)
        + "\n\nClosed to every role: "
        + ", ".join(closed)
        + ".\n"
    )


def written() -> str:
    """What the document says now."""
    found = re.search(re.escape(BEGIN) + r"\n(.*?)" + re.escape(END), tables.text_of(DOCUMENT), re.DOTALL)
    assert found, f"{DOCUMENT} has lost its marks"
    return found[1]


def write(text: str) -> None:
    """Put the table between the marks."""
    path = tables.ROOT / DOCUMENT
    whole = tables.text_of(DOCUMENT)
    path.write_text(whole.replace(f"{BEGIN}\n{written()}{END}", f"{BEGIN}\n{text}{END}"), encoding="utf-8")
