"""The sandbox contact centre as a real process, for tests.

In:  the options of ``python -m content_app.sandbox vcc``.
Out: a running stand-in with an address of its own, and its control plane.
Never here: an import of the sandbox. Tests meet it over HTTP only, as the portal does.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from typing import Any

import httpx

#: The pair of credentials that may read and delete everything in a fresh sandbox.
CLIENT_ID, CLIENT_SECRET = "sandbox-admin", "sandbox-admin-secret"
_READY = "ready "
_PATIENCE = 20.0


class Sandbox:
    """One process. ``url`` is its gateway and its token host; ``control`` speaks to the plane that tests alone use."""

    def __init__(self, kind: str = "vcc", *, patience: float = _PATIENCE, **options: object) -> None:
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not True]
        switches = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is True]
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "content_app.sandbox", kind, "--port", "0", *words, *switches],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")},
            text=True,
        )
        self.url = self._wait_until_ready(patience)
        self.control = httpx.Client(base_url=f"{self.url}/sandbox", timeout=10, trust_env=False)

    def _wait_until_ready(self, patience: float) -> str:
        assert self._process.stdout is not None
        until = time.monotonic() + patience
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while (left := until - time.monotonic()) > 0:
                if not selector.select(left):
                    break
                line = self._process.stdout.readline()
                if line.startswith(_READY):
                    return line.removeprefix(_READY).strip()
                if not line:
                    break
        self._process.kill()
        raise RuntimeError(f"The sandbox did not say that it is ready (exit code {self._process.wait()}).")

    def ask(self, path: str) -> Any:
        """GET something of the control plane."""
        return self.control.get(path).raise_for_status().json()

    def tell(self, path: str, **body: object) -> Any:
        """POST something to the control plane."""
        answer = self.control.post(path, json=body).raise_for_status()
        return answer.json() if answer.content else None

    def kill(self) -> None:
        """Die without a word, as a machine does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop in order. Safe to call twice, and after ``kill``."""
        self.control.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
