"""Looks for traces of a person in everything that the portal writes, byte by byte.

In:  what the person is known by, in every spelling; what the portal made of it.
Out: the files and stores that hold any of it, in clear, coded, or as a plain digest.
Never here: a query. A row that is deleted and still on the disk is found like any other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import connection


def spellings_in_bytes(texts: Iterable[str]) -> dict[bytes, str]:
    """Needle → what it is: each text in UTF-8 and UTF-16, in JSON and URLs, in base64, and as plain digests."""
    needles: dict[bytes, str] = {}
    for text in {case(given) for given in texts for case in (str, str.lower, str.upper)}:
        clear = text.encode()
        forms = {
            "UTF-8": clear,
            "UTF-16": text.encode("utf-16-le"),
            "UTF-16 reversed": text.encode("utf-16-be"),
            "JSON": json.dumps(text)[1:-1].encode(),
            "URL": quote(text, safe="").encode(),
        }
        needles |= {needle: f"{text} as {form}" for form, needle in forms.items()}
        needles |= {needle: f"{text} as base64" for needle in _in_base64(clear)}
        for name in ("sha256", "sha1", "md5"):
            digest = hashlib.new(name, clear)
            needles |= {digest.digest(): f"{name} of {text}", digest.hexdigest().encode(): f"{name} of {text}"}
    return needles


def _in_base64(clear: bytes) -> Iterator[bytes]:
    """What base64 makes of it wherever it begins in a longer text; the ends depend on the neighbours and are cut."""
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + clear)
        inner = coded[4 if shift else 0 : len(coded) // 4 * 4 - 4]
        if len(inner) >= 12:
            yield inner


def raw(values: Iterable[bytes | memoryview | None], *, what: str) -> dict[bytes, str]:
    """Needles for sealed values, indices, salts: as they are and in hexadecimal."""
    found = [bytes(value) for value in values if value]
    return {needle: what for value in found for needle in (value, value.hex().encode())}


# --- where -----------------------------------------------------------------------------------------------------------


def database_files() -> list[Path]:
    """SQLite's file with its logs, or PostgreSQL's whole directory with its own log."""
    if connection.vendor == "sqlite":
        name = Path(connection.settings_dict["NAME"])
        return sorted(name.parent.glob(f"{name.name}*"))
    home = Path(connection.settings_dict["HOST"] or connection.settings_dict["OPTIONS"]["host"])
    return [
        path for path in home.rglob("*") if path.is_file() and (home / "data" in path.parents or path.name == "log")
    ]


def stores() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every file that the portal or its database writes, and of the cache."""
    folders = (settings.VAR_DIR, settings.PORTAL_LEDGER_DIR, default_storage.location)
    files = {*database_files(), *(path for folder in folders for path in Path(folder).rglob("*") if path.is_file())}
    for path in sorted(files):
        try:
            yield str(path), path.read_bytes()
        except FileNotFoundError:  # the database took it away meanwhile
            continue
    yield "cache", pickle.dumps(getattr(cache, "_cache", {}))


def search(needles: dict[bytes, str], *, also: dict[str, str] | None = None) -> dict[str, set[str]]:
    """What → where it is. ``also`` are further texts, such as a log."""
    found: dict[str, set[str]] = {}
    further = [(name, text.encode()) for name, text in (also or {}).items()]
    for place, data in [*stores(), *further]:
        for needle, what in needles.items():
            if needle in data:
                found.setdefault(what, set()).add(place)
    return found
