"""Verifiers that are not ours, each asked on its command line, as an auditor would.

In:  an exported folder, what an auditor kept.
Out: for each question whether it was answered with yes.
Never here: a module of the portal. What these know they know from the folder and from the formats' specifications.
"""

import base64
import functools
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests import needs

#: A test that asks strangers. Where one of them is missing, it is left out loudly.
strangers = pytest.mark.needs("go", needs.GO_SUMDB, "openssl", "aics-tlog", "aics-witness", "tlog-tiles")

_BUILD = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode"}
#: The header that makes 32 bytes of an Ed25519 key a SubjectPublicKeyInfo (RFC 8410).
_SPKI = bytes.fromhex("302a300506032b6570032100")
_AUDIT = """
import sys
from aics_tlog import FileSystemTileReader, audit_tiles, parse_note, parse_vkey, verify_checkpoint
folder, key = sys.argv[1], parse_vkey(sys.argv[2])
note = open(f"{folder}/checkpoint", encoding="utf-8").read()
head = verify_checkpoint(parse_note(note), key)
assert head.ok, head.error
print(audit_tiles(FileSystemTileReader(folder), head.size, head.root))
"""


def asked(*command: object, environment: dict[str, str] | None = None, cwd: Path | None = None):
    """Run it outside of the portal: nothing of our environment, nothing of our modules."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd or "/",
        env={"PATH": os.environ["PATH"], "HOME": "/tmp"} | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(name: str) -> str:
    """Where a stranger's program is."""
    found = needs.find(name)
    assert found, name
    return found


@functools.cache
def _built(source: bytes) -> str:
    folder = Path(tempfile.mkdtemp(prefix="verifier-"))
    (folder / "main.go").write_bytes(source)
    environment = _BUILD | {"GOCACHE": str(folder / "cache")}
    done = asked(program("go"), "build", "-o", "verify", "main.go", environment=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return str(folder / "verify")


def go(folder: Path, *more: object):
    """The verifier whose source lies in the folder, built from Debian's packages alone."""
    return asked(_built((folder / "verifier/main.go").read_bytes()), folder, *more)


def aics(*words: object):
    """``aics-tlog``, by somebody else, from PyPI."""
    return asked(program("aics-tlog"), *words)


def audit_tiles(log: Path, vkey: str):
    """``aics-tlog``'s check of every tile and every entry, which has no command of its own."""
    return asked(Path(program("aics-tlog")).with_name("python"), "-I", "-c", _AUDIT, log, vkey)


def scales(*words: object):
    """``tlog-tiles`` of ``tlog-scales``, by yet somebody else."""
    return asked(program("tlog-tiles"), *words)


def openssl(log: Path, vkey: str, scratch: Path):
    """Whether OpenSSL finds that the checkpoint was signed with this key."""
    text, _, signatures = (log / "checkpoint").read_text().partition("\n\n")
    signature = base64.b64decode(signatures.splitlines()[0].split()[2])[4:]
    (scratch / "text").write_text(f"{text}\n")
    (scratch / "sig").write_bytes(signature)
    (scratch / "key").write_bytes(_SPKI + base64.b64decode(vkey.split("+", 2)[2])[1:])
    return asked(
        "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "text",
        "-sigfile", "sig", cwd=scratch,
    )  # fmt: skip
