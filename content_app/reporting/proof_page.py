"""Turns the proof of a report into what its page prints, and into the file that is attached to it.

In:  the facts of a report.
Out: sentences and rows; JSON for machines.
Never here: an interaction's id, or a claim beyond what somebody can check with the attached file.
"""

from __future__ import annotations

import json
from typing import Any

from requests_app.ledger_types import TYPES

Facts = dict[str, Any]
#: Entries that the page prints. All of them are in the attached file.
SHOWN = 100


def page(told: Facts) -> Facts:
    """The part of the page that tells of the ledger."""
    proved, name = told["proof"], f"{told['request']['reference']}-proof.json"
    entries = proved["entries"]
    published = {entry["number"] for entry in entries if entry["proof"]}
    more = len(entries) - SHOWN
    return {
        "file": name,
        "claims": [*_claims(proved), *(_order(row, published=published) for row in told["order"])],
        "how": _how(name) if proved["logs"] else "",
        "rows": [_row(entry) for entry in entries[:SHOWN]],
        "more": f"The other {more} entries are in {name}." if more > 0 else "",
        "logs": [_log(log) for log in proved["logs"]],
    }


def attachment(told: Facts) -> str:
    """The proof alone, as the JSON report has it. What was deleted is counted in the PDF, and listed in neither."""
    file = {
        "schema": f"{told['schema']}-proof",
        "version": told["version"],
        "reference": told["request"]["reference"],
        "lists": told["lists"],
        "order": told["order"],
        "proof": told["proof"],
    }
    return json.dumps(file, indent=2, ensure_ascii=False) + "\n"


def _claims(proved: Facts) -> list[str]:
    total = len(proved["entries"])
    published = total - proved["waiting"]
    if not published:
        return [
            "No entry about this request is published yet, so this report proves nothing by itself. Export it later."
        ]
    which = f"The {total} entries below" if published == total else f"{published} of the {total} entries below"
    return [
        f"{which} are in the ledger at the places that are given, and nobody has changed, moved or removed one of them "
        "since its checkpoint was signed."
    ]


def _order(row: Facts, *, published: set[int | None]) -> str:
    """What came first. A wrong order is told at once, a right one when both entries can be checked."""
    said, numbers = f"List {row['list']}", {row["approval"], row["first_deletion"]}
    if row["approval"] is None and row["approved_first"] is False:
        return f"{said} HAS NO APPROVAL in the ledger, and a deletion was intended (entry {row['first_deletion']})."
    if row["approved_first"] is not False and not numbers <= published:
        return f"Whether list {row['list']} was approved before the first deletion cannot be checked yet."
    came = "before" if row["approved_first"] else "AFTER"
    return (
        f"{said} was approved (entry {row['approval']}) {came} the first deletion was intended "
        f"(entry {row['first_deletion']})."
    )


def _how(name: str) -> str:
    return (
        f"All that is needed to check this without the portal is attached to this file ({name}), for the tools of "
        "transparency logs (C2SP tlog-proof). Compare the key's fingerprint with the one that the controller names to "
        "you: a proof under another key proves nothing."
    )


def _row(entry: Facts) -> list[str]:
    number, index = entry["number"], entry["index"]
    place = "waits" if index is None else str(number) if index == number else f"{number} ({index})"
    return [place, TYPES[entry["type"]].title, entry["id"], entry["hash"]]


def _log(log: Facts) -> Facts:
    witnesses = ", ".join(witness["name"] for witness in log["witnesses"])
    signed = f"cosigned by {witnesses}" if witnesses else "no independent witness"
    return {
        "title": f"{log['origin']}: checkpoint over {log['size']} entries, {signed}",
        "note": log["checkpoint"].rstrip("\n").split("\n"),
        "vkey": log["vkey"],
        "fingerprint": log["fingerprint"],
    }
