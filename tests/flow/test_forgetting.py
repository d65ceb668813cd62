"""One person walks the whole path, is forgotten, and no byte of theirs is left; and the ledger still proves it."""

import hashlib
import io
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import rfc8785
import time_machine
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from content_app import oblivion, pipeline, reporting
from content_app.models import Candidate, Errand, Item, Plan, Search
from requests_app import acknowledgement, audit, commitments, csv_import, disk, forgotten_list, retention, validation
from requests_app.errors import Refused
from requests_app.models import (
    DataSubject,
    Evidence,
    Identifier,
    LedgerLeaf,
    LedgerPayload,
    Party,
    Request,
    SubjectDigest,
    SubjectKey,
)
from tests import traces
from tests.flow.conftest import approve, freeze, identifiers_of, run

pytestmark = pytest.mark.django_db(transaction=True)
YEARS = timedelta(days=3 * 366 + 1)

#: Set where the server is this test's own. Where others write to the same log, their segments stay, and ours in them.
ALONE = "ON_A_SERVER_OF_ITS_OWN"
alone = pytest.mark.postgresql if os.environ.get(ALONE) else pytest.mark.sqlite


@pytest.fixture(autouse=True)
def _quick(settings, tmp_path, evidence_folder):
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    settings.PORTAL_LEDGER_DIR = tmp_path / "ledger"


def picture():
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def canary(centre, connect, take, staff, supervisor, login):
    """(the person as the contact centre knows them, their closed request): every screen and every export was used."""
    connect(centre)
    person = centre.ask("/subjects")["subjects"][0]
    request = take(person, contact=f"{person['name']}, 1 Example Street")
    validation.add_evidence(request.pk, actor=staff, kind="message", name="letter.png", data=picture())
    line = (
        f"erasure,2021-01-01,email,UK,{person['name']},{person['identifiers'][0]['formats'][0]},completed,2021-02-01\n"
    )
    csv_import.import_file(
        b"right,received_at,channel,jurisdiction,name,phone,outcome,closed_at\n" + line.encode(), dry_run=False
    )
    run()
    client = login(staff)
    client.get(reverse("admin:requests_app_request_change", args=[request.pk]))
    client.get(reverse("admin:content_choose", args=[request.pk]))
    client.post(reverse("admin:requests_app_request_find"), {"q": person["identifiers"][0]["formats"][0]})
    plan = freeze(request, staff)
    approve(request, plan, supervisor)
    client.get(reverse("admin:content_review", args=[request.pk]))
    run()
    client.get(reverse("admin:content_proof", args=[plan.pk]))
    reporting.record_reply(request.pk, actor=staff, channel="email")
    for fmt in reporting.FORMATS:
        reporting.export(request.pk, actor=staff, fmt=fmt)
    Errand.objects.update(again_at=timezone.now())
    run()
    request.refresh_from_db()
    assert request.state == "closed"
    return person, request


@pytest.fixture
def neighbour(canary, centre, take, staff):
    """Another person, whose request waits for its approval: the tables are not empty when the canary is forgotten."""
    request = take(centre.ask("/subjects")["subjects"][1], contact="somebody@example.com")
    run()
    freeze(request, staff)
    return request


@pytest.fixture
def centre(start_sandbox):
    """Its people are nobody else's."""
    return start_sandbox(seed=4100, interactions=400, days=7, subjects=4)


def clear_needles(person):
    """Everything that a person would recognise as theirs, and the plain digests that anybody could make of it."""
    texts = [text for address in person["identifiers"] for text in address["formats"]]
    texts += [value for _, value in identifiers_of(person)]
    texts += [person["name"], person["name"].split()[-1], "1 Example Street"]
    return traces.spellings_in_bytes(texts)


def made_needles(of=None):
    """What the portal made of it: ids, sealed values, indices, keys, salts; of one person or of all."""
    people = DataSubject.objects.filter(pk=of.subject_id) if of else DataSubject.objects.all()
    cases = Request.objects.filter(subject__in=people)
    items = Item.objects.filter(plan__request__in=cases)
    ids = {one for pair in items.values_list("external_id", "content_key") for one in pair if len(one) > 30}
    needles = {one.encode(): "a vendor's id" for one in ids}
    needles |= traces.raw(
        Identifier.objects.filter(subject__in=people).values_list("value_enc", flat=True), what="a sealed identifier"
    )
    needles |= traces.raw(
        Identifier.objects.filter(subject__in=people).values_list("blind_index", flat=True), what="a blind index"
    )
    needles |= traces.raw(
        Party.objects.filter(request__in=cases).values_list("name_enc", flat=True), what="a sealed name"
    )
    needles |= traces.raw(
        Party.objects.filter(request__in=cases).values_list("contact_enc", flat=True), what="a sealed contact"
    )
    needles |= traces.raw(
        SubjectKey.objects.filter(subject__in=people).values_list("wrapped", flat=True), what="a wrapped key"
    )
    needles |= traces.raw(
        LedgerPayload.objects.filter(subject__in=people).values_list("payload_enc", flat=True),
        what="a payload of the ledger",
    )
    needles |= traces.raw(
        Plan.objects.filter(request__in=cases).values_list("salt", flat=True), what="the salt of a list"
    )
    return needles


EVERYTHING_MADE = {
    "a vendor's id", "a sealed identifier", "a blind index", "a sealed name", "a sealed contact", "a wrapped key",
    "a payload of the ledger", "the salt of a list",
}  # fmt: skip


def begin_like_a_server():
    """Statistics, as a PostgreSQL has them that has run for a while."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")


def forget():
    with time_machine.travel(timezone.now() + YEARS, tick=True):
        run()
        assert not DataSubject.objects.filter(cleared_at__isnull=True, requests__state="closed").exists()


@pytest.mark.sqlite
def test_no_byte_of_a_forgotten_person_is_left_on_a_postgresql_either():
    """The same test, on a server of its own."""
    test = f"{__file__}::{test_no_byte_of_a_forgotten_person_is_left.__name__}"
    command = [sys.executable, "-m", "tests.postgres", sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test]
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, env=mine | {ALONE: "1"}, cwd=django_settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@alone
def test_no_byte_of_a_forgotten_person_is_left(canary, neighbour, caplog):
    caplog.set_level(logging.DEBUG)
    person, request = canary
    begin_like_a_server()
    clear, made = clear_needles(person), made_needles()
    theirs = made_needles(of=neighbour)
    for needle in theirs:
        made.pop(needle, None)
    assert set(traces.search(made)) == EVERYTHING_MADE, "the search finds what is there"
    assert traces.search(clear, also={"log": caplog.text}) == {}, (
        "nothing was ever written in clear, or as a plain digest"
    )
    planted = f"{person['name']} {hashlib.sha256(person['identifiers'][0]['formats'][0].encode()).hexdigest()}"
    assert len(traces.search(clear, also={"planted": planted})) >= 2, "and would be found if it were"

    forget()
    assert disk.vacuum() == []
    assert traces.search(made | clear, also={"log": caplog.text}) == {}
    assert set(traces.search(theirs)) == EVERYTHING_MADE, "nobody else has lost anything"
    assert not Candidate.objects.filter(request=request).exists()
    assert not Search.objects.filter(request=request).exists()
    assert retention.sweep_files(younger_stay=timedelta(0)) == 0
    assert default_storage.listdir("")[1] == []


def test_the_ledger_holds_and_cannot_be_guessed(canary):
    person, request = canary
    leaf = LedgerLeaf.objects.filter(type="identifier.added").order_by("id").first()
    said = commitments.of_leaf(leaf)
    salt = commitments.of_subject(request.subject_id)[0][1].salt
    before = audit.verify()
    forget()
    after = audit.verify()
    assert (before.faults, after.faults) == ((), ())
    assert after.size > before.size

    payloads = [{"kind": "phone", "value": f"+4477009{number:05d}"} for number in range(100_000)]
    mobile = person["identifiers"][0]["formats"][0]
    assert {"kind": "phone", "value": mobile} in payloads
    unsalted = {commitments.commitment(b"", payload) for payload in payloads}
    unsalted |= {hashlib.sha256(rfc8785.dumps(payload)).hexdigest() for payload in payloads}
    assert said not in unsalted
    assert commitments.commitment(b"", {"kind": "phone", "value": mobile}) in unsalted, "without a salt it is guessed"
    assert commitments.commitment(salt, {"kind": "phone", "value": mobile}) == said, "with the receipt's it is shown"


def test_whoever_brings_the_receipt_is_matched_for_ever(canary, staff, tmp_path, monkeypatch):
    person, request = canary
    receipt = acknowledgement.issue(request.pk, actor=staff)
    told = json.loads(receipt.as_json())
    mobile = person["identifiers"][0]["formats"]
    assert not [text for text in mobile if text in receipt.as_json().decode()]
    forget()
    line = told["entries"][0]
    for spelling in mobile:
        found = acknowledgement.match(entry=line["entry"], salt=line["salt"], kind=line["kind"], value=spelling)
        assert request in found.requests
        assert found.forgotten_at is not None
    with pytest.raises(Refused, match="does not fit"):
        acknowledgement.match(entry=line["entry"], salt=line["salt"], kind=line["kind"], value="+447700900111")
    with pytest.raises(Refused, match="destroyed"):
        acknowledgement.issue(request.pk, actor=staff)
    file = tmp_path / "receipt.json"
    file.write_bytes(receipt.as_json())
    said = io.StringIO()
    monkeypatch.setattr("requests_app.management.commands.match_receipt.getpass", lambda prompt: mobile[0])
    call_command("match_receipt", str(file), stdout=said)
    assert told["reference"] in said.getvalue()


def test_every_screen_stands_a_forgotten_person(canary, staff, supervisor, auditor, login):
    person, request = canary
    plan = request.plans.get()
    forget()
    for user in (staff, supervisor, auditor):
        client = login(user)
        page = client.get(reverse("admin:requests_app_request_change", args=[request.pk])).content.decode()
        assert "was forgotten on" in page
        assert "Forgotten on" in client.get(reverse("admin:content_request_panel", args=[request.pk])).content.decode()
        assert "cannot be recomputed" in client.get(reverse("admin:content_proof", args=[plan.pk])).content.decode()
        for name in ("content_review", "content_choose"):
            assert client.get(reverse(f"admin:{name}", args=[request.pk])).status_code == 302
        assert client.get(reverse("admin:requests_app_request_changelist")).status_code == 200
        assert client.get(reverse("admin:index")).status_code == 200
    client = login(staff)
    for fmt in reporting.FORMATS:
        answer = client.get(reverse("admin:content_report", args=[request.pk, fmt]), follow=True)
        assert "No report can be made any more" in answer.content.decode()


def test_who_comes_back_is_found_by_their_number_as_long_as_the_digests_last(canary, staff, login):
    person, request = canary
    forget()
    asked = {"q": person["identifiers"][0]["formats"][3]}
    client = login(staff)
    found = client.post(reverse("admin:requests_app_request_find"), asked)
    assert found["Location"].endswith(f"?subject__in={request.subject_id}")
    with time_machine.travel(timezone.now() + YEARS + timedelta(days=366), tick=True):
        found = login(staff).post(reverse("admin:requests_app_request_find"), asked)
        assert "subject__in" not in found["Location"]


def test_somebody_who_was_forgotten_is_known_again_for_a_term(canary, take, staff, login, centre):
    person, request = canary
    forget()
    with time_machine.travel(timezone.now() + YEARS + timedelta(days=300), tick=True):
        again = take(person)
        assert again.subject_id != request.subject_id
        page = login(staff).get(reverse("admin:requests_app_request_change", args=[again.pk])).content.decode()
        assert "and was forgotten since" in page
        assert request.reference in page
        flagged = json.loads(bytes(LedgerLeaf.objects.get(type="request.flagged").leaf))
        assert flagged["facts"] == {"asked_before": 2, "suppressed": 0}
    with time_machine.travel(timezone.now() + YEARS + timedelta(days=366), tick=True):
        retention.sweep_rows()
        assert not SubjectDigest.objects.exists()
        page = login(staff).get(reverse("admin:requests_app_request_change", args=[again.pk])).content.decode()
        assert "and was forgotten since" not in page


def test_an_old_import_file_does_not_bring_a_forgotten_person_back(canary):
    person, request = canary
    line = (
        f"erasure,2021-01-01,email,UK,{person['name']},{person['identifiers'][0]['formats'][0]},completed,2021-02-01\n"
    )
    data = b"right,received_at,channel,jurisdiction,name,phone,outcome,closed_at\n" + line.encode()
    forget()
    assert not Request.objects.exclude(import_key=None).exists()
    result = csv_import.import_file(data, dry_run=False)
    assert (result.added, result.known) == ([], 1)


# --- a backup from before --------------------------------------------------------------------------------------------


class Backup:
    """A copy of the database and of the evidence, and the way back. The list of forgotten people is not in it."""

    def __init__(self, place):
        self.place = place
        self.name = Path(connection.settings_dict["NAME"])
        self.evidence = Path(default_storage.location)
        copy = sqlite3.connect(place / "portal.sqlite3")
        connection.connection.backup(copy)
        copy.close()
        shutil.copytree(self.evidence, place / "evidence")

    def restore(self):
        connection.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{self.name}{suffix}").unlink(missing_ok=True)
        shutil.copy(self.place / "portal.sqlite3", self.name)
        shutil.rmtree(self.evidence)
        shutil.copytree(self.place / "evidence", self.evidence)


@pytest.mark.sqlite
def test_a_restored_backup_is_shut_until_it_has_forgotten_again(canary, tmp_path_factory, staff, login):
    person, request = canary
    clear, made = clear_needles(person), made_needles()
    backup = Backup(tmp_path_factory.mktemp("backup"))
    (backup.place / "evidence" / "left-over.bin").write_bytes(b"a document that was destroyed meanwhile")
    forget()
    assert traces.search(made) == {}
    assert not forgotten_list.replay_is_due()

    backup.restore()
    assert set(traces.search(made)) == EVERYTHING_MADE, "the backup has brought them back"
    assert forgotten_list.replay_is_due()
    answer = login(staff).get(reverse("admin:index"))
    assert answer.status_code == 503
    assert "replay_erasures" in answer.content.decode()
    assert (pipeline.due(), pipeline.advance(request.pk)) == ([], False)
    with pytest.raises(Refused, match="replay_erasures"):
        oblivion.forget_due()

    call_command("replay_erasures", verbosity=0)
    disk.vacuum()
    assert traces.search(made | clear) == {}
    assert not (backup.evidence / "left-over.bin").exists()
    assert login(staff).get(reverse("admin:index")).status_code == 200
    replayed = json.loads(bytes(LedgerLeaf.objects.get(type="erasures.replayed").leaf))
    assert replayed["facts"] == {"subjects": 1, "files": 1}
    assert audit.verify().ok
    assert len(list(forgotten_list.ids())) == 1, "nobody is on the list twice"


@pytest.mark.sqlite
def test_a_document_whose_term_is_over_goes_again_after_a_restore(canary, staff, tmp_path_factory, take):
    """T-UP-7: the term passes, yesterday's database and files come back, and the sweep destroys once more."""
    person, _ = canary
    other = take({"name": "Somebody Else", "identifiers": [{"kind": "mobile", "formats": ["+447700900999"]}]})
    row = validation.add_evidence(other.pk, actor=staff, kind="message", name="letter.png", data=picture())
    path = Path(row.file.path)
    backup = Backup(tmp_path_factory.mktemp("backup"))
    with time_machine.travel(timezone.now() + timedelta(days=django_settings.PORTAL_EVIDENCE_DAYS + 1), tick=True):
        retention.sweep()
        shutil.copy(backup.place / "evidence" / path.name, path)
        with pytest.raises(Refused, match="destroyed"):
            validation.open_evidence(row.pk, actor=staff, reason="identity_check")
        assert retention.sweep_files(younger_stay=timedelta(0)) == 1, "the file alone comes back without its key"
        assert not path.exists()
        backup.restore()
        assert path.exists()
        assert retention.sweep() == 1
        assert not path.exists()
        assert Evidence.objects.get(pk=row.pk).wrapped_file_key is None
        assert LedgerLeaf.objects.filter(type="evidence.destroyed", object_id=str(other.pk)).count() == 1
