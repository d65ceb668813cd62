"""A report carries its proof: a stranger checks it without the portal, and every tampering is caught."""

import base64
import copy
import io
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pypdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from uuid_utils.compat import uuid7

from content_app import reporting, witnessing
from content_app.reporting import proof, proof_page
from requests_app import audit, publisher, sequencer, signed_note
from requests_app.models import Checkpoint, LedgerLeaf, LedgerLog
from tests.content_app.reporting import outsider
from tests.content_app.reporting.desk import SCHEMA, THEIRS, refused, run, text_of


def noise(count):
    """Entries of others, so that the tree is no small one."""
    with transaction.atomic():
        for _ in range(count):
            audit.append("system.stopped", actor=audit.SETUP, about=uuid7())


def told_by(request, staff):
    """The report as a stranger gets it."""
    return json.loads(reporting.export(request.pk, actor=staff, fmt="json").data)


def owner_s_keys():
    """The fingerprints that the log's owner names to whoever asks."""
    return {signed_note.VerifierKey.parse(log.vkey).fingerprint for log in LedgerLog.objects.all()}


@pytest.fixture
def report(walk, staff):
    noise(300)
    request = walk.to(to="closed")
    noise(41)
    return told_by(request, staff)


def test_a_stranger_can_check_every_entry(report):
    outsider.check(report, fingerprints=owner_s_keys())
    jsonschema.validate(report, SCHEMA)
    proved = report["proof"]
    assert proved["waiting"] == 0
    mine = LedgerLeaf.objects.filter(object_id=report["request"]["id"]).exclude(type="report.exported").order_by("id")
    assert [entry["leaf"].encode() for entry in proved["entries"]] == [bytes(row.leaf) for row in mine]
    assert [entry["number"] for entry in proved["entries"]] == [row.index.seq for row in mine]
    (log,) = proved["logs"]
    assert log["size"] == Checkpoint.objects.latest("size").size > 341


def test_no_entry_names_the_person(report):
    assert not [spelling for spelling in THEIRS if spelling in json.dumps(report["proof"])]


def moved(entry):
    entry["index"] += 1


def renumbered(entry):
    head, rest = entry["proof"].split("\n", 2)[0], entry["proof"].split("\n", 2)[2]
    entry["index"] += 1
    entry["proof"] = f"{head}\nindex {entry['index']}\n{rest}"


def other_hash(entry):
    entry["hash"] = "0" * 64


def edited(entry):
    entry["leaf"] = entry["leaf"].replace('"role":"', '"role":"x')


def edited_and_hashed(entry):
    edited(entry)
    entry["hash"] = outsider.hashlib.sha256(b"\0" + entry["leaf"].encode()).hexdigest()


def other_line(entry):
    lines = entry["proof"].split("\n")
    lines[3] = base64.b64encode(b"\1" * 32).decode()
    entry["proof"] = "\n".join(lines)


def fewer_lines(entry):
    lines = entry["proof"].split("\n")
    del lines[3]
    entry["proof"] = "\n".join(lines)


def swapped_lines(entry):
    lines = entry["proof"].split("\n")
    lines[2], lines[3] = lines[3], lines[2]
    entry["proof"] = "\n".join(lines)


def other_checkpoint(entry):
    head, gap, note = entry["proof"].partition("\n\n")
    origin, size, rest = note.split("\n", 2)
    entry["proof"] = f"{head}{gap}{origin}\n{int(size) + 1}\n{rest}"


def is_wrong(report, keys):
    try:
        outsider.check(report, fingerprints=keys)
    except outsider.Wrong:
        return True
    return False


TAMPERINGS = (
    moved, renumbered, other_hash, edited, edited_and_hashed, other_line, fewer_lines, swapped_lines, other_checkpoint,
)  # fmt: skip


def test_a_tampered_entry_is_caught(report):
    keys = owner_s_keys()
    outsider.check(report, fingerprints=keys)
    for tamper, place in itertools.product(TAMPERINGS, (0, 6, -1)):
        forged = copy.deepcopy(report)
        tamper(forged["proof"]["entries"][place])
        assert is_wrong(forged, keys), f"{tamper.__name__} went through at {place}"


def test_tampering_with_the_checkpoint_is_caught(report):
    keys = owner_s_keys()
    for name, value in (("size", 1), ("root", "0" * 64), ("checkpoint", "portal.test/audit/2026\n1\n")):
        forged = copy.deepcopy(report)
        forged["proof"]["logs"][0][name] = value
        with pytest.raises(outsider.Wrong):
            outsider.check(forged, fingerprints=keys)


def test_a_ledger_that_somebody_else_signed_anew_is_caught(report):
    keys, forged = owner_s_keys(), copy.deepcopy(report)
    (log,) = forged["proof"]["logs"]
    key = Ed25519PrivateKey.generate()
    note = signed_note.sign(log["checkpoint"].partition("\n\n")[0] + "\n", name=log["origin"], private=key)
    for entry in forged["proof"]["entries"]:
        entry["proof"] = entry["proof"].replace(log["checkpoint"], note)
    log |= {"checkpoint": note, "vkey": str(signed_note.verifier_key(log["origin"], key))}
    with pytest.raises(outsider.Wrong, match="key"):
        outsider.check(forged, fingerprints=keys)
    log |= {"vkey": report["proof"]["logs"][0]["vkey"]}
    with pytest.raises(outsider.Wrong, match="signature"):
        outsider.check(forged, fingerprints=keys)


# --- what came first -------------------------------------------------------------------------------------------------


def test_the_approval_came_before_the_deletion(report):
    (row,) = report["order"]
    assert row["approved_first"] is True
    by_number = {entry["number"]: entry["type"] for entry in report["proof"]["entries"]}
    assert (by_number[row["approval"]], by_number[row["first_deletion"]]) == ("approval.given", "deletion.intended")
    claims = proof_page.page(report)["claims"]
    assert f"approved (entry {row['approval']}) before the first deletion was intended" in claims[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"approval": 900, "approved_first": False}, "AFTER"),
        ({"approval": None, "approved_first": False}, "HAS NO APPROVAL"),
        ({"approval": None, "approved_first": None}, "cannot be checked yet"),
        ({"approval": 900}, "cannot be checked yet"),
    ],
)
def test_another_order_is_told_loudly(report, change, said):
    report["order"][0] |= change
    assert said in proof_page.page(report)["claims"][1]


def test_the_order_is_read_from_the_entries_alone(walk):
    request = walk.to()
    plan = request.plans.get()
    entries = reporting.story.entries_of(request.pk)
    approvals = [entry for entry in entries if entry.type == "approval.given"]
    without = [entry for entry in entries if entry not in approvals]
    assert proof.order(without, [plan]) == [
        {"list": 1, "approval": None, "first_deletion": proof.order(entries, [plan])[0]["first_deletion"],
         "approved_first": False}
    ]  # fmt: skip
    (late,) = (replace(entry, seq=10_000) for entry in approvals)
    assert proof.order([*without, late], [plan])[0]["approved_first"] is False
    (unnumbered,) = (replace(entry, seq=None) for entry in approvals)
    assert proof.order([*without, unnumbered], [plan])[0]["approved_first"] is None


def test_where_nothing_was_deleted_there_is_no_order(walk):
    assert reporting.facts(walk.to(right="access").pk)["order"] == []


# --- not published yet -----------------------------------------------------------------------------------------------


def test_what_waits_is_published_before_it_is_reported(walk, staff):
    request = walk.to()
    publisher.publish()
    reporting.record_reply(request.pk, actor=staff, channel="post")
    assert reporting.facts(request.pk)["proof"]["waiting"] == 2
    told = told_by(request, staff)
    assert told["proof"]["waiting"] == 0
    outsider.check(told, fingerprints=owner_s_keys())


def test_where_this_process_may_not_sign_the_report_says_that_it_waits(walk, staff, monkeypatch):
    request = walk.to()
    publisher.publish()
    reporting.record_reply(request.pk, actor=staff, channel="post")

    def may_not():
        raise publisher.Refused("no_ledger_key", "This process cannot read the ledger's key.")

    monkeypatch.setattr(witnessing, "publish", may_not)
    told = told_by(request, staff)
    jsonschema.validate(told, SCHEMA)
    assert told["proof"]["waiting"] == 2
    assert [entry["proof"] is None for entry in told["proof"]["entries"]][-3:] == [False, True, True]
    assert "not_published" in {limit["code"] for limit in told["cannot_vouch_for"]}
    outsider.check(told, fingerprints=owner_s_keys())
    text = " ".join(text_of(reporting.export(request.pk, actor=staff, fmt="pdf").data).split())
    total = len(told["proof"]["entries"])
    assert f"{total - 2} of the {total} entries below are in the ledger" in text
    assert "Export it again later" in text


def test_no_export_opens_a_log_or_makes_its_key(walk, staff, settings, ledger_directory):
    settings.PORTAL_HIGH_ASSURANCE = False
    told = told_by(walk.to(), staff)
    assert told["proof"]["waiting"] == len(told["proof"]["entries"])
    assert not LedgerLog.objects.exists()
    assert not settings.PORTAL_LEDGER_KEYS_DIR.exists()


def test_before_anything_is_published_the_report_proves_nothing_and_says_so(walk, staff, monkeypatch, settings):
    settings.PORTAL_HIGH_ASSURANCE = False
    monkeypatch.setattr(publisher, "covering", lambda seq: None)
    monkeypatch.setattr(witnessing, "publish", lambda: None)
    request = walk.to()
    told = told_by(request, staff)
    jsonschema.validate(told, SCHEMA)
    assert (told["proof"]["logs"], told["proof"]["waiting"]) == ([], len(told["proof"]["entries"]))
    text = " ".join(text_of(reporting.export(request.pk, actor=staff, fmt="pdf").data).split())
    assert "this report proves nothing by itself" in text


def test_with_a_witness_only_what_it_signed_is_proved(walk, staff, monkeypatch, settings):
    settings.PORTAL_HIGH_ASSURANCE = False
    key = Ed25519PrivateKey.generate()
    settings.PORTAL_WITNESS_VKEY = str(
        signed_note.VerifierKey("witness.test/w", signed_note.COSIGNATURE_V1, key.public_key().public_bytes_raw())
    )
    request = walk.to()
    publisher.publish()
    told = told_by(request, staff)
    assert (told["proof"]["logs"], told["order"][0]["approved_first"]) == ([], True)
    checkpoint, witness = publisher.latest(), signed_note.VerifierKey.parse(settings.PORTAL_WITNESS_VKEY)
    publisher.add_cosignature(checkpoint, cosignature(checkpoint.note, key, witness), witness=witness)
    told = told_by(request, staff)
    (log,) = told["proof"]["logs"]
    assert log["witnesses"] == [{"name": witness.name, "vkey": str(witness)}]
    assert "no_witness" not in {limit["code"] for limit in told["cannot_vouch_for"]}
    outsider.check(told, fingerprints=owner_s_keys())


def cosignature(note, key, witness):
    text = note.partition("\n\n")[0] + "\n"
    at = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    signature = key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    return f"— {witness.name} {base64.b64encode(witness.id + at.to_bytes(8, 'big') + signature).decode()}\n"


def test_entries_of_two_years_are_proved_in_two_logs(clock, walk, staff):
    clock.move_to("2025-12-30T10:00:00Z")
    request = walk.to(to="planned")
    publisher.publish()
    clock.move_to("2026-01-02T10:00:00Z")
    walk.approve(request, request.plans.get())
    run(request)
    told = told_by(request, staff)
    jsonschema.validate(told, SCHEMA)
    assert [log["origin"] for log in told["proof"]["logs"]] == ["portal.test/audit/2025", "portal.test/audit/2026"]
    outsider.check(told, fingerprints=owner_s_keys())


def test_a_ledger_that_does_not_fit_gives_no_report(walk, staff, ledger_directory):
    request = walk.to()
    noise(2)
    publisher.publish()
    for path in (ledger_directory / "2026" / "tile" / "0").rglob("*"):
        if path.is_file():
            path.write_bytes(bytes(len(path.read_bytes())))
    with refused("ledger_mismatch"):
        reporting.export(request.pk, actor=staff, fmt="json")
    assert not LedgerLeaf.objects.filter(type="report.exported").exists()


def test_a_noted_fault_gives_no_report(walk, staff):
    request = walk.to()
    sequencer.SequencerLease.objects.update(fault="fork")
    for fmt in reporting.FORMATS:
        with refused("ledger_mismatch"):
            reporting.export(request.pk, actor=staff, fmt=fmt)


def test_a_ledger_that_cannot_be_read_here_says_so(walk, staff, settings, tmp_path):
    request = walk.to()
    publisher.publish()
    settings.PORTAL_LEDGER_DIR = tmp_path / "elsewhere"
    with refused("no_ledger"):
        reporting.export(request.pk, actor=staff, fmt="json")


# --- in the PDF ------------------------------------------------------------------------------------------------------


def test_the_pdf_has_the_proof_attached_and_prints_what_it_rests_on(walk, staff):
    request = walk.to(to="closed")
    told = told_by(request, staff)
    data = reporting.export(request.pk, actor=staff, fmt="pdf").data
    reader = pypdf.PdfReader(io.BytesIO(data))
    ((name, (attached,)),) = reader.attachments.items()
    assert name == f"{request.reference}-proof.json"
    file = json.loads(attached)
    assert (file["schema"], file["version"]) == ("portal-report-proof", 4)
    outsider.check(file, fingerprints=owner_s_keys())
    assert file["lists"] == told["lists"]
    assert not {"items", "content"} & set(file)
    text = text_of(data)
    (log,) = file["proof"]["logs"]
    squeezed = "".join(text.split())
    for printed in (log["vkey"], log["fingerprint"], *log["checkpoint"].split(), "noindependentwitness"):
        assert printed in squeezed
    for entry in file["proof"]["entries"]:
        assert entry["hash"] in squeezed
        assert entry["id"] in squeezed


def test_of_many_entries_the_page_prints_some_and_says_where_the_others_are(report, monkeypatch):
    monkeypatch.setattr(proof_page, "SHOWN", 3)
    page = proof_page.page(report)
    assert len(page["rows"]) == 3
    assert page["more"].startswith(f"The other {len(report['proof']['entries']) - 3} entries are in ")
