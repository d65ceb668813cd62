"""``make demo``: the whole portal on this machine, with a sandbox contact centre, until Ctrl-C.

In:  ``PORT`` (default 8000), ``KEEP=1`` to go on with the data of last time, ``DEMO_DIR`` (default ``var/demo``).
Out: sandboxes, web server, worker and loop, each a process group with its log and its process id in that folder; all
gone at the end.
Never here: Django, another address than 127.0.0.1, or anything that a deployment would use.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import NoReturn

from gdpr_portal.demo_box import box

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("DEMO_DIR") or ROOT / "var" / "demo").resolve()
SECRETS = VAR / "secrets.env"
HOST = "127.0.0.1"
#: Days that the invented contact centre reaches back: few, so that planning takes seconds.
HISTORY_DAYS = 28
#: People in it: enough for the story and for visitors.
PEOPLE = 28
#: The branch office's own contact centre is small, and was connected a few days ago.
BRANCH_DAYS = 6
#: Whom it invents: nobody who has a number of somebody at the contact centre. Else a list of theirs would have files at
#: the branch too, and would rest half done, in shadow mode.
BRANCH_SEED = 3
#: Seconds until a process must answer, and seconds it has for stopping in order.
PATIENCE, GRACE = 60.0, 6.0
#: A process that is restarted so often within a minute will not get better.
RESTARTS = 5


class DemoError(Exception):
    """The demo cannot go on, in a sentence that says what to do."""


class Stopped(Exception):
    """Someone asked the demo to stop."""


_asked_to_stop = threading.Event()


def pause(seconds: float) -> None:
    """Wait. The one place where a wish to stop is heard: never between starting a process and remembering it."""
    if _asked_to_stop.wait(seconds):
        raise Stopped


def say(text: str = "") -> None:
    """To the person who is watching."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# --- where it lives --------------------------------------------------------------------------------------------------


def chosen_port() -> int:
    """``PORT``, if it is one and nobody has it."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise DemoError(f"PORT={text} is not a port. Try: make demo PORT=8001")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(text)))
        except OSError:
            other = int(text) + 1 if int(text) < 65535 else 8000
            raise DemoError(f"Port {text} is taken. Stop what uses it, or: make demo PORT={other}") from None
    return int(text)


@contextmanager
def only_one() -> Iterator[None]:
    """Two demos would share one database."""
    VAR.parent.mkdir(parents=True, exist_ok=True)
    with VAR.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError("A demo is running from this folder already.") from None
        yield


def _key() -> str:
    return "1:" + base64.b64encode(secrets.token_bytes(32)).decode()


def kept_secrets() -> dict[str, str]:
    """The keys and the password of this demo: made once, kept in a file that only its owner can read."""
    if not SECRETS.exists():
        made = {
            "PORTAL_SECRET_KEY": secrets.token_urlsafe(48),
            "PORTAL_KEKS": _key(),
            "PORTAL_INDEX_KEYS": _key(),
            "PORTAL_DIGEST_KEYS": _key(),
            "DEMO_PASSWORD": os.environ.get("DEMO_PASSWORD") or f"demo-{secrets.token_hex(4)}",
        }
        text = "".join(f"{name}={value}\n" for name, value in made.items())
        with open(SECRETS, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)
    return dict(line.split("=", 1) for line in SECRETS.read_text().splitlines())


def environment(port: int) -> dict[str, str]:
    """What the processes see. Settings of the shell stay outside, so that the demo is the same everywhere."""
    foreign = ("PORTAL_", "VCC_", "BRANCH_", "DJANGO_", "DATABASE_URL", "CACHE_URL", "GUNICORN_")
    shell = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return (
        shell
        | kept_secrets()
        | {
            "DEMO": "1",
            "PORT": str(port),
            "PORTAL_VAR_DIR": str(VAR),
            "PORTAL_TLS": "0",
            "PORTAL_APPROVAL_DELAY_HOURS": "0",
            "PORTAL_WORKERS": "1",
            # Short, so that whoever kills the worker sees it go on.
            "PORTAL_LEASE_SECONDS": "20",
            "PORTAL_CALL_DEADLINE": "8",
            "VCC_CLIENT_ID": "sandbox-admin",
            "VCC_CLIENT_SECRET": "sandbox-admin-secret",
            "VCC_HISTORY_DAYS": str(HISTORY_DAYS),
            "BRANCH_CLIENT_ID": "sandbox-admin",
            "BRANCH_CLIENT_SECRET": "sandbox-admin-secret",
            "BRANCH_HISTORY_DAYS": str(BRANCH_DAYS),
            "PYTHONUNBUFFERED": "1",
        }
    )


# --- processes -------------------------------------------------------------------------------------------------------


class Part:
    """One process in a group of its own, with its log."""

    def __init__(self, name: str, *words: str) -> None:
        self.name, self.words = name, words
        self.log = VAR / f"{name}.log"
        self.began: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, env: dict[str, str]) -> None:
        """Start it, or start it again."""
        self.began.append(time.monotonic())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.words],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (VAR / f"{self.name}.pid").write_text(f"{self._process.pid}\n")

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def succeeded(self) -> bool:
        return self._process is not None and self._process.poll() == 0

    @property
    def hopeless(self) -> bool:
        """Whether another restart would only be the next of many."""
        return sum(began > time.monotonic() - 60 for began in self.began) > RESTARTS

    def ask_to_stop(self) -> None:
        if self._process is not None and self.alive:
            self._process.terminate()

    def end(self, until: float) -> None:
        """Wait for it, then make sure that nothing of its group is left."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._kill_group(self._process)
            self._process.wait()
        self._kill_group(self._process)

    @staticmethod
    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


def wait_for(part: Part, answers: Callable[[], bool]) -> None:
    """Return when it answers."""
    until = time.monotonic() + PATIENCE
    while not answers():
        if not part.alive:
            raise DemoError(f"The {part.name} has ended. The end of {part.log}:\n{part.last_words()}")
        if time.monotonic() > until:
            raise DemoError(f"The {part.name} does not answer. See {part.log}.")
        pause(0.1)


def answers_at(port: int, path: str) -> bool:
    """Whether a GET there is answered with success."""
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def address_of(sandbox: Part) -> str:
    """What the sandbox said it listens on; empty until it has."""
    said = [line for line in sandbox.log.read_text(errors="replace").splitlines() if line.startswith("ready ")]
    return said[-1].removeprefix("ready ").strip() if said else ""


def run(env: dict[str, str], *commands: tuple[str, ...]) -> None:
    """Run the portal's own commands, which need nothing of each other, to their ends at the same time."""
    running = [Part(words[0], "manage.py", *words) for words in commands]
    try:
        for command in running:
            command.start(env)
        while any(command.alive for command in running):
            pause(0.05)
    finally:
        for command in running:
            command.ask_to_stop()
            command.end(time.monotonic() + GRACE)
    for command in running:
        if not command.succeeded:
            raise DemoError(f"manage.py {command.name} failed. The end of {command.log}:\n{command.last_words()}")


# --- the evening -----------------------------------------------------------------------------------------------------


def parts_of(port: int) -> tuple[Part, Part, Part, Part, Part]:
    """Sandbox, the branch office's sandbox, web server, worker, loop."""
    sandbox = ("-m", "content_app.sandbox", "vcc", "--port=0")
    branch = (f"--seed={BRANCH_SEED}", f"--days={BRANCH_DAYS}", "--subjects=3", "--interactions=200")
    gunicorn = ("-m", "gunicorn", "gdpr_portal.wsgi:application", f"--bind={HOST}:{port}", "--worker-class=gthread")
    return (
        Part("sandbox", *sandbox, f"--days={HISTORY_DAYS}", f"--subjects={PEOPLE}", "--interactions=2000"),
        Part("branch", *sandbox, *branch),
        Part("web", *gunicorn, "--threads=8", "--graceful-timeout=3", "--no-control-socket"),
        Part("worker", "manage.py", "qcluster"),
        Part("loop", "manage.py", "pick_up", "--loop"),
    )


def prepare(port: int) -> dict[str, str]:
    """An empty folder, or the one of last time, and what is in it: keys, database, accounts."""
    if VAR.exists() and any(VAR.iterdir()):
        if not SECRETS.exists():
            raise DemoError(f"{VAR} holds something that is not a demo's. Move it away, or choose another DEMO_DIR.")
        if os.environ.get("KEEP", "") in ("", "0"):
            say("  starting afresh (KEEP=1 goes on with the data of last time)")
            shutil.rmtree(VAR)
    VAR.mkdir(mode=0o700, parents=True, exist_ok=True)
    VAR.chmod(0o700)
    for old in (*VAR.glob("*.log"), *VAR.glob("*.pid")):
        old.unlink()
    return environment(port)


def set_up(env: dict[str, str], sandbox: Part, branch: Part) -> None:
    """Everything that must be there before the portal opens."""
    say("  starting the sandbox contact centre, and its branch office")
    for part in (sandbox, branch):
        part.start(env)
    wait_for(sandbox, lambda: bool(address_of(sandbox)))
    wait_for(branch, lambda: bool(address_of(branch)))
    env["VCC_GATEWAY_URL"] = env["VCC_AUTH_URL"] = address_of(sandbox)
    env["BRANCH_GATEWAY_URL"] = address_of(branch)
    say("  making the database, the static files and the accounts")
    run(env, ("migrate", "--no-input"), ("collectstatic", "--no-input"))
    run(env, ("demo_accounts",))
    say("  playing the story so far: invented requests in every state")
    run(env, ("demo_story",))


def open_doors(env: dict[str, str], port: int, *others: Part) -> None:
    """Start the portal, and tell where it is."""
    say("  starting web server, worker and loop")
    for part in others:
        part.start(env)
    wait_for(others[0], lambda: answers_at(port, "/health/"))
    for part in others[1:]:
        wait_for(part, lambda part=part: part.alive)  # type: ignore[misc]
    say(box(f"http://{HOST}:{port}/", env["DEMO_PASSWORD"], folder=VAR))


def supervise(env: dict[str, str], parts: tuple[Part, ...], *, restartable: tuple[Part, ...]) -> NoReturn:
    """Watch until someone says stop. What can start again does; without the rest there is no demo."""
    while True:
        pause(0.5)
        for part in parts:
            if part.alive:
                continue
            if part not in restartable or part.hopeless:
                raise DemoError(f"The {part.name} has ended. The end of its log:\n{part.last_words()}")
            say(f"  the {part.name} has ended; starting it again (see {part.log})")
            part.start(env)


def stop(parts: tuple[Part, ...]) -> None:
    """Ask all at once, then wait for each."""
    until = time.monotonic() + GRACE
    for part in reversed(parts):
        part.ask_to_stop()
    for part in reversed(parts):
        part.end(until)


def _stop_when_convenient(number: int, frame: FrameType | None) -> None:
    _asked_to_stop.set()


def play() -> None:
    """From the first check to the last process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop_when_convenient)
    with only_one():
        port = chosen_port()
        parts = parts_of(port)
        sandbox, branch, web, worker, loop = parts
        try:
            env = prepare(port)
            set_up(env, sandbox, branch)
            open_doors(env, port, web, worker, loop)
            supervise(env, parts, restartable=(worker, loop))
        finally:
            stop(parts)


def main() -> int:
    """The exit code: 0 after Ctrl-C, 1 when the demo could not go on."""
    try:
        play()
    except Stopped:
        say("\n  stopped")
        return 0
    except DemoError as error:
        say(f"\n  {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
