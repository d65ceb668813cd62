"""Checks a report's proof as a stranger would: written from RFC 6962, RFC 9162 and the C2SP texts, without the portal.

In:  a report as JSON; the log's key, as its owner names it.
Out: nothing, or ``Wrong``.
Never here: an import of the portal's own code.
"""

import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Wrong(Exception):
    """The report does not prove what it says."""


def check(report, *, fingerprints):
    """Every published entry lies in a tree that a known key has signed, and says what the report says of it."""
    logs = {log["origin"]: log for log in report["proof"]["logs"]}
    for log in logs.values():
        want(hashlib.sha256(log["vkey"].encode()).hexdigest() in fingerprints, "a key that its owner does not name")
    seen = set()
    for entry in report["proof"]["entries"]:
        if entry["proof"] is None:
            continue
        place = check_entry(entry, logs[entry["log"]])
        want(place not in seen, "one place twice")
        seen.add(place)
    want(len(seen) == len(report["proof"]["entries"]) - report["proof"]["waiting"], "another number of entries")
    check_order(report)


def check_entry(entry, log):
    """The entry is what was hashed, and the proof leads from it to the signed root."""
    leaf = entry["leaf"].encode()
    want(hashlib.sha256(b"\0" + leaf).hexdigest() == entry["hash"], "another hash")
    body = json.loads(leaf)
    want((body["id"], body["type"]) == (entry["id"], entry["type"]), "a leaf of another entry")
    index, path, note = read_proof(entry["proof"])
    want(index == entry["index"], "another index")
    size, root = open_checkpoint(note, log["vkey"])
    want((note, size, root.hex()) == (log["checkpoint"], log["size"], log["root"]), "another checkpoint")
    want(root_of(hashlib.sha256(b"\0" + leaf).digest(), index, size, path) == root, "a proof that leads elsewhere")
    return log["origin"], index


def check_order(report):
    """The entries that the report's order names are the approval of a list and an intent to delete from it."""
    by_number = {entry["number"]: json.loads(entry["leaf"]) for entry in report["proof"]["entries"]}
    plans = {plan["version"]: plan["id"] for plan in report["lists"]}
    for row in report["order"]:
        approval, deletion = by_number[row["approval"]], by_number[row["first_deletion"]]
        want((approval["type"], deletion["type"]) == ("approval.given", "deletion.intended"), "entries of other types")
        want(approval["facts"]["plan"] == deletion["facts"]["plan"] == plans[row["list"]], "entries of another list")
        earlier = [
            number for number, body in by_number.items()
            if body["type"] == "deletion.intended" and body["facts"]["plan"] == plans[row["list"]]
        ]  # fmt: skip
        want(min(earlier) == row["first_deletion"], "an earlier deletion")
        want((row["approval"] < row["first_deletion"]) is row["approved_first"], "another order")


# --- C2SP tlog-proof, tlog-checkpoint, signed-note -------------------------------------------------------------------


def read_proof(text):
    """https://c2sp.org/tlog-proof: a magic line, the index, the hashes, an empty line, the checkpoint."""
    head, gap, note = text.partition("\n\n")
    magic, index, *path = head.split("\n")
    want(gap and magic == "c2sp.org/tlog-proof@v1" and index.startswith("index "), "no tlog-proof")
    return int(index.removeprefix("index ")), [decoded(line, 32) for line in path], note


def open_checkpoint(note, vkey):
    """https://c2sp.org/tlog-checkpoint over https://c2sp.org/signed-note: size and root, once the signature holds."""
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key)
    want(key[0] == 1 and hashlib.sha256(f"{name}\n".encode() + key).hexdigest()[:8] == key_id, "no vkey")
    text, gap, signatures = note.partition("\n\n")
    want(bool(gap), "no note")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if (dash, signer, signature[:4].hex()) == ("—", name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Wrong("a signature that does not hold") from None
            break
    else:
        raise Wrong("no signature by the log")
    origin, size, root = text.split("\n")[:3]
    want(origin == name, "a checkpoint of another log")
    return int(size), decoded(root, 32)


def decoded(line, length):
    try:
        data = base64.b64decode(line, validate=True)
    except ValueError:
        raise Wrong("no base64") from None
    want(len(data) == length, "another length")
    return data


# --- RFC 9162 section 2.1.3.2 ----------------------------------------------------------------------------------------


def root_of(leaf, index, size, path):
    want(0 <= index < size, "an index outside the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        want(sn > 0, "a path that is too long")
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    want(sn == 0, "a path that is too short")
    return r


def want(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)
