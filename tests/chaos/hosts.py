"""Two hosts on one machine: network namespaces, each with an own 127.0.0.1 and a cable of its own to us.

In:  root on Linux, with ``ip`` (iproute2).
Out: for each host the words before a command that make it run there.
Never here: a route to anywhere else. A host reaches the ports that it was given, and nothing beside them.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

#: A private range (RFC 1918), two addresses for each cable.
_NET = "10.213"


@functools.cache
def can_be_made() -> bool:
    """Whether this machine lets us."""
    try:
        Namespace(99).close()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


class Namespace:
    """A host, until ``close``."""

    def __init__(self, number: int) -> None:
        tag = f"{os.getpid() % 100_000}-{number}"
        self.name, self._near, self._far = f"chaos-{tag}", f"cn{tag}", f"cf{tag}"
        third = (os.getpid() * 4 + number) % 250
        self.near, far = f"{_NET}.{third}.1", f"{_NET}.{third}.2"
        self.inside = ("ip", "netns", "exec", self.name)
        self._count = Path(tempfile.gettempdir()) / f"{self.name}-connections"
        self._relays: list[subprocess.Popen[str]] = []
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
            _ip("link", "set", self._far, "netns", self.name)
            _ip("addr", "add", f"{self.near}/30", "dev", self._near)
            _ip("-n", self.name, "addr", "add", f"{far}/30", "dev", self._far)
            _ip("-n", self.name, "link", "set", "lo", "up")
            _ip("-n", self.name, "link", "set", self._far, "up")
            _ip("link", "set", self._near, "up")
        except BaseException:
            self.close()
            raise

    def offer(self, port: int, target: str, *, counted: bool = False) -> None:
        """Let the host reach ``target`` of ours at its own ``127.0.0.1:port``, through the cable."""
        self._relay(f"{self.near}:{port}", target, *([str(self._count)] if counted else []))
        self._relay(f"127.0.0.1:{port}", f"{self.near}:{port}", inside=self.inside)

    def _relay(self, *words: str, inside: tuple[str, ...] = ()) -> None:
        command = [*inside, sys.executable, "-m", "tests.chaos.relay", *words]
        relay = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
        self._relays.append(relay)
        assert relay.stdout is not None
        assert relay.stdout.readline() == "ready\n"

    @property
    def connections(self) -> int:
        """How many connections of this host were handed on where they are counted."""
        return self._count.stat().st_size if self._count.exists() else 0

    def close(self) -> None:
        for relay in self._relays:
            relay.kill()
            relay.communicate()
        self._count.unlink(missing_ok=True)
        _ip("netns", "del", self.name)  # the cable goes with it


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
