"""The page that lies on top of an auditor's folder: what is in it, and three commands.

In:  the checkpoints and the entries that the folder holds.
Out: its ``README.md``.
Never here: a claim that the commands do not check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from requests_app.models import Checkpoint
from requests_app.signed_note import VerifierKey


@dataclass(slots=True)
class Proved:
    """An entry that goes into the folder with its proof: of which request, and its place in which log."""

    reference: str
    log: str
    index: int
    type: str
    leaf: bytes
    #: The completion report that this entry names, when an auditor brought it.
    report: bytes = b""
    suffix: str = ""

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.reference}-{self.log}-{self.index:06d}-{self.type}"

    @property
    def file(self) -> str:
        """Where leaf and proof lie, but for their endings."""
        return f"proofs/{self.name}"

    @property
    def report_file(self) -> str:
        """Where the report lies; empty when there is none."""
        return f"reports/{self.name}{self.suffix}" if self.report else ""


_HEAD = """# A ledger, and how to check it

This folder holds the ledger of a portal for requests of data subjects, as it was published. Nothing in it is secret,
and nothing in it names a person. To check it you need neither the portal nor anybody who runs it.

| Path | Is |
| ---- | -- |
| `LOG/checkpoint` | size and root of a log, signed (C2SP `tlog-checkpoint`), with what witnesses have signed |
| `LOG/vkey` | the key to check it with |
| `LOG/tile/` | hashes and entries (C2SP `tlog-tiles`) |
| `proofs/` | entries (`.leaf`), each with the proof that it is in the log (C2SP `tlog-proof`) |
| `reports/` | completion reports that somebody brought; an entry names the SHA-256 of each |
| `verifier/main.go` | a verifier. Read it, or write your own |

A log is a year's, as `2026`. Where its key was lost within the year, another one follows it, as `2026b`.

## First

Compare the fingerprint of each key with the one that the controller names to you elsewhere. A folder under another key
proves nothing. And **keep this folder**: with an older one you can tell whether history was rewritten; without one, or
the signature of a witness, you cannot.

| Log | Entries | Fingerprint of its key (SHA-256 of the line in `vkey`) |
| --- | ------- | ------------------------------------------------------ |
{logs}

## Three commands

1. Build the verifier (Debian: `apt-get install golang-go golang-golang-x-mod-dev`; elsewhere
   `cd verifier && go mod init verifier && go mod tidy && go build -o ../verify .`):

       GO111MODULE=off GOPATH=/usr/share/gocode go build -o verify verifier/main.go

2. Check everything: signatures, every entry and tile, the chain of logs, the proofs, that each deletion was approved
   before. `OLDER` is a folder or a checkpoint that you kept:

       ./verify . OLDER

3. Ask whether a completion report that you hold is the one that was exported:

       ./verify . report FILE

## With tools of others

    pip install aics-tlog tlog-scales
{others}
"""

_OTHERS = """    aics-tlog verify-checkpoint --note {log}/checkpoint {key}
    aics-tlog verify-consistency --old-checkpoint OLDER/{log}/checkpoint --tiles {log} {key}
    aics-tlog verify-inclusion --tiles {log} {key} --leaf {leaf} --index {index}
    tlog-tiles get-leaf -c ./{log} {index}"""
#: ``WITNESS`` is the witness's own vkey.
_COSIGNED = """
    aics-tlog verify-checkpoint --note {log}/checkpoint {key} --witness-key WITNESS --quorum 1"""

_PROOFS = """
## Proved entries

| Log | Entry | Type | Files | Report |
| --- | ----- | ---- | ----- | ------ |
{rows}
"""


def text(checkpoints: Sequence[Checkpoint], proved: Sequence[Proved]) -> str:
    """The whole page."""
    logs = "\n".join(
        f"| `{one.log.origin}` | {one.size} | `{VerifierKey.parse(one.log.vkey).fingerprint}` |" for one in checkpoints
    )
    page = _HEAD.format(logs=logs, others=_others(checkpoints[-1], proved))
    return page + (_PROOFS.format(rows="\n".join(map(_row, proved))) if proved else "")


def _others(newest: Checkpoint, proved: Sequence[Proved]) -> str:
    one = proved[-1] if proved else None
    leaf, index = (f"{one.file}.leaf", one.index) if one else ("LEAF", newest.size - 1)
    commands = _OTHERS + (_COSIGNED if newest.cosignatures.exists() else "")
    log = one.log if one else newest.log.name
    return commands.format(log=log, key=f'--log-key "$(cat {log}/vkey)"', leaf=leaf, index=index)


def _row(proved: Proved) -> str:
    report = f"`{proved.report_file}`" if proved.report else "–"
    return f"| {proved.log} | {proved.index} | `{proved.type}` | `{proved.file}` | {report} |"
