"""A real witness: a process by somebody else that signs what has only grown (C2SP ``tlog-witness``).

In:  the logs that it shall know.
Out: its address, its key, what it kept of logs that misbehaved.
Never here: an answer that we made up.
"""

import json
import subprocess
import threading
from pathlib import Path

import httpx

from tests.outsiders.tools import asked, program


class Witness:
    """One witness in a folder of its own. ``start`` and ``stop`` it as often as you like."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "witness.json"
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.vkey = self._do("init", "--name", "witness.example/w1", "--listen", "127.0.0.1:0").strip()

    def _do(self, command: str, *words: str) -> str:
        done = asked(program("aics-witness"), command, "--config", self._config, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def know(self, vkey: str) -> None:
        """Whoever runs the witness tells it which log it shall sign for."""
        self._do("add-log", "--origin", vkey.split("+")[0], "--vkey", vkey)

    def start(self) -> str:
        """Start it, where it was before if it ran before; its address."""
        at = self.url.removeprefix("http://") or "127.0.0.1:0"
        self._process = subprocess.Popen(
            [program("aics-witness"), "serve", "--config", str(self._config), "--listen", at],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stderr
        line = next(line for line in self._process.stderr if "listening on " in line)
        self.url = line.partition("listening on ")[2].split()[0]
        threading.Thread(target=self._process.stderr.read, daemon=True).start()
        return self.url

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def answer(self, *, old: int, note: str, proof: str = "") -> httpx.Response:
        """What it says to a checkpoint: ``proof`` has one hash a line."""
        return httpx.post(f"{self.url}/add-checkpoint", content=f"old {old}\n{proof}\n{note}", trust_env=False)

    def evidence(self) -> list[dict]:
        """What it kept of logs that signed what does not fit."""
        kept = self._do("evidence")
        return json.loads(kept) if kept.strip() else []
