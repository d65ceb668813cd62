"""The published log as a directory: tiles, bundles of entries, the checkpoint, the key to check it with.

In:  what to write, and where in the log.
Out: files that are whole or not there; reads that fall back to the full tile when a partial one is gone.
Never here: what a tile means, or a decision what is published.
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from requests_app import tlog


class TileStore:
    """One log's directory."""

    def __init__(self, directory: Path):
        self.directory = directory

    def read(self, level: int | str, index: int, width: int) -> bytes:
        """A tile, or its beginning. ``FileNotFoundError`` when there is neither the partial nor the full one."""
        try:
            return (self.directory / tlog.tile_path(level, index, width)).read_bytes()
        except FileNotFoundError:
            return (self.directory / tlog.tile_path(level, index)).read_bytes()

    def checkpoint(self) -> str | None:
        """The checkpoint that is published, if any."""
        try:
            return (self.directory / "checkpoint").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """Put a file there in one step. It is on the disk when this returns, and never seen by half."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync_directory(target.parent)

    def write_tile(self, level: int | str, index: int, data: bytes, *, width: int) -> None:
        """Write a tile, unless it is there already: a tile never changes."""
        path = tlog.tile_path(level, index, width)
        try:
            known = (self.directory / path).read_bytes() == data
        except FileNotFoundError:
            known = False
        if not known:
            self.write(path, data)

    def clear_left_behind(self, *, before: datetime) -> int:
        """Remove what was begun before this and never put in its place; returns how many files.

        Only for whoever holds the sequencer's lease since ``before``: nobody else is writing then.
        """
        old = [
            file for file in self.directory.rglob(".*") if _is_draft(file) and file.stat().st_mtime < before.timestamp()
        ]
        for file in old:
            file.unlink(missing_ok=True)
        return len(old)

    def forget_partials(self, level: int | str, index: int) -> None:
        """Remove what led up to a full tile, once a checkpoint over the full one is published."""
        full = self.directory / tlog.tile_path(level, index)
        shutil.rmtree(full.with_name(f"{full.name}.p"), ignore_errors=True)


def fault_of(place: Path) -> str:
    """Why no log can be put there, and what to do; empty where there is a folder, or one can be made."""
    nearest = next(one for one in (place, *place.parents) if os.path.lexists(one))
    if nearest.is_dir():
        return ""
    return f"PORTAL_LEDGER_DIR needs a folder, and {nearest} is none. Move that away, or name another folder."


def _is_draft(file: Path) -> bool:
    """``.NAME.PID``, as ``write`` calls what is not whole yet."""
    return file.suffix[1:].isdecimal() and file.is_file()


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
