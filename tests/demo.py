"""A running demo, for the tests that visit one: ``make demo`` without the make.

In:  a folder that is not there yet.
Out: the process, its address, its password, everything that it said, and hands to reach its parts.
Never here: an import of the portal. The demo is met as a person meets it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMAND = [sys.executable, "-u", "-m", "gdpr_portal.demo"]
PATIENCE = 240


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(directory: Path, port: int, **more: str) -> dict[str, str]:
    """A shell's environment, without what the tests have put there."""
    mine = ("PORTAL_", "DJANGO_", "DATABASE_URL", "KEEP", "VCC_", "DEMO")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return shell | {"DEMO_DIR": str(directory), "PORT": str(port)} | more


@dataclass(slots=True)
class Demo:
    """One running demo."""

    process: subprocess.Popen[str]
    directory: Path
    port: int
    said: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        found = re.search(r"password  (\S+)", self.said)
        assert found, self.said
        return found[1]

    @property
    def sandbox(self) -> str:
        """The address of the sandbox contact centre."""
        found = re.search(r"^ready (\S+)", (self.directory / "sandbox.log").read_text(), re.MULTILINE)
        assert found
        return found[1]

    def read_until(self, pattern: str) -> str:
        """What the demo says, up to the line that matches."""
        said, until = "", time.monotonic() + PATIENCE
        assert self.process.stdout is not None
        while time.monotonic() < until and (line := self.process.stdout.readline()):
            said += line
            if re.search(pattern, line):
                return said
        raise AssertionError(f"the demo never said {pattern!r}:\n{said}")

    def control(self, method: str, what: str, /, **order: Any) -> Any:
        """Ask or tell the sandbox's control plane."""
        connection = HTTPConnection(urlsplit(self.sandbox).netloc, timeout=10)
        try:
            connection.request(method, f"/sandbox/{what}", json.dumps(order) if order else None)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the demo's database says, read only."""
        connection = sqlite3.connect(f"file:{self.directory / 'portal.sqlite3'}?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the portal's commands in the demo's own environment."""
        ask = f"import json; from gdpr_portal import demo; print(json.dumps(demo.environment({self.port})))"
        shell = environment(self.directory, self.port)
        told = subprocess.run([sys.executable, "-c", ask], env=shell, capture_output=True, text=True, check=True)
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, env=json.loads(told.stdout), capture_output=True, text=True, check=False)

    def kill(self, part: str) -> None:
        """Kill a part and everything that it started, as a machine dies."""
        os.killpg(int((self.directory / f"{part}.pid").read_text()), signal.SIGKILL)


@contextmanager
def running(directory: Path, **more: str) -> Iterator[Demo]:
    """Start a demo, wait until it has printed its box, and stop it in order afterwards."""
    port = free_port()
    env = environment(directory, port, **more)
    with subprocess.Popen(COMMAND, env=env, stdout=subprocess.PIPE, text=True) as process:
        demo = Demo(process, directory, port)
        try:
            demo.said = demo.read_until("╰")
            yield demo
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
