"""T-UP-8: a decoder that was taken over tries everything; each lock is tried with all others left open."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from requests_app.decoding import confinement, process
from requests_app.decoding.frames import Unfit

pytestmark = pytest.mark.pure

#: Statements for a process that has locked itself in; whatever they print was possible.
_TAKEN_OVER = """
import ctypes, encodings.idna, mmap, os, resource, signal, socket, sys
sys.path.append(sys.argv[1])
from requests_app.decoding import confinement, decoders
decoders.warm_up()
libc = ctypes.CDLL(None, use_errno=True)
say = lambda what: os.write(1, what.encode() + b"\\n")
{open_locks}
confinement.limit()
held = confinement.confine()
def attempt(what, act):
    try:
        done = act()
    except (OSError, MemoryError, ValueError, ImportError) as fault:
        return
    if done is None or done is True or (isinstance(done, int) and done >= 0) or not isinstance(done, (int, bool)):
        say(what)
{acts}
say("end " + " ".join(held))
os._exit(0)
"""

#: Name → an attempt, which raises or returns a negative number where it is refused.
ATTEMPTS = {
    "a socket": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "a datagram": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "a local socket": "socket.socketpair()",
    "reading a file": "open('/etc/passwd').read()",
    "reading the environment of the portal": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "listing a folder": "os.listdir('/')",
    "writing a file": "open('left-behind', 'wb').write(b'x')",
    "writing elsewhere": "open('/tmp/left-behind-by-a-decoder', 'wb').write(b'x')",
    "a file in memory": "os.write(os.memfd_create('x'), b'x')",
    "a file through a pipe that was closed": "(os.close(0), os.open('/etc/passwd', os.O_RDONLY))",
    "a child": "os.fork()",
    "a program": "os.execv('/bin/sh', ['sh', '-c', 'echo a program'])",
    "a program of the system": "os.posix_spawn('/bin/sh', ['sh', '-c', 'true'], {})",
    "more open files": "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
    "more memory": "resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))",
    "eight gigabytes": "bytearray(8 << 30)",
}
ON_LINUX_ALONE = {
    "killing the portal": "os.kill(os.getppid(), 0)",
    "looking into the portal": "libc.ptrace(16, os.getppid(), 0, 0)",
    "memory that runs": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "a file system of its own": "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)",
    "the programs of the kernel": "libc.syscall(321, 0, 0, 0)",
}

linux = pytest.mark.skipif("not __import__('sys').platform.startswith('linux')", reason="locks of Linux")


def attempted(acts, *, open_locks=""):
    """Which of these came off, and which locks held."""
    told = "\n".join(f"attempt({name!r}, lambda: {act})" for name, act in acts.items())
    program = _TAKEN_OVER.format(acts=told, open_locks=open_locks)
    with process._started(program) as (one, _):
        *done, end = one.stdout.read().decode().splitlines()
    assert end.startswith("end")
    return set(done), set(end.split()[1:])


@linux
def test_t_up_8_nothing_comes_off():
    left = Path("/tmp/left-behind-by-a-decoder")
    left.unlink(missing_ok=True)
    done, held = attempted(ATTEMPTS | ON_LINUX_ALONE)
    assert done == set()
    assert {"limits", "account", "calls"} <= held
    assert not left.exists()


#: Each lock with the others taken away, and what it alone is for.
ALONE = {
    "limits": (
        "confinement._close_files = confinement._close_calls = lambda libc: False\n"
        "confinement._leave_network = lambda by=0: False",
        {"a socket", "a datagram", "a local socket", "reading a file", "reading the environment of the portal",
         "listing a folder", "writing a file", "writing elsewhere", "a file in memory", "a child",
         "a file through a pipe that was closed", "more open files", "more memory", "eight gigabytes"},
    ),
    "calls": (
        "confinement._close_files = lambda libc: False; confinement._leave_network = lambda by=0: False\n"
        "confinement._cap = lambda what, most: None; confinement._leave_root = lambda: False",
        (set(ATTEMPTS) | set(ON_LINUX_ALONE)) - {"eight gigabytes"},
    ),
    "files": (
        "confinement._close_calls = lambda libc: False; confinement._leave_network = lambda by=0: False\n"
        "confinement._cap = lambda what, most: None; confinement._leave_root = lambda: False",
        {"reading a file", "reading the environment of the portal", "listing a folder", "writing a file",
         "writing elsewhere", "a program of the system", "a file through a pipe that was closed"},
    ),
}  # fmt: skip


@linux
@pytest.mark.parametrize("lock", ALONE)
def test_t_up_8_each_lock_holds_alone(lock):
    open_locks, prevents = ALONE[lock]
    acts = {name: act for name, act in (ATTEMPTS | ON_LINUX_ALONE).items() if name in prevents}
    done, held = attempted(acts, open_locks=open_locks)
    assert lock in held
    assert done == set()


@linux
def test_t_up_8_the_attempts_come_off_where_nothing_is_locked():
    """Else the tests above would prove nothing."""
    acts = {name: ATTEMPTS[name] for name in ATTEMPTS if name not in {"a program", "eight gigabytes"}}
    acts |= {"memory that runs": ON_LINUX_ALONE["memory that runs"]}
    del acts["writing elsewhere"]
    done, held = attempted(
        acts,
        open_locks="confinement.limit = lambda: None; confinement.confine = lambda: ()",
    )
    assert done >= set(acts) - {"a child", "more open files"}
    assert held == set()


@linux
def test_t_up_8_from_a_network_of_its_own_not_even_this_machine_is_reached():
    open_locks = (
        "confinement._close_files = confinement._close_calls = lambda libc: False\n"
        "confinement._cap = lambda what, most: None"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach = f"socket.create_connection({server.getsockname()!r}, timeout=2)"
        done, held = attempted({"reaching this machine": reach}, open_locks=open_locks)
    assert ("reaching this machine" in done) is ("network" not in held)


@pytest.mark.parametrize(
    ("name", "acts"),
    [
        ("a bomb of forks", "while True:\n  try: os.fork()\n  except OSError: pass"),
        ("an endless loop", "while True: pass"),
        ("an endless wait", "import threading\nlock = threading.Lock()\nwhile True: lock.acquire()"),
    ],
)
def test_t_up_8_what_does_not_end_is_ended(name, acts, monkeypatch, tmp_path):
    monkeypatch.setattr(confinement, "SECONDS", 3)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(Unfit, match="slow"):
        list(process.decode(b"x", "image/png", program=_TAKEN_OVER.format(acts=acts, open_locks="")))
    assert os.listdir(tmp_path) == []


def test_t_up_8_an_answer_without_end_is_not_read():
    acts = "os.write(1, b'\\0' + bytes([4]) + b'\\xff' * 12)\nwhile True: os.write(1, bytes(1 << 20))"
    with pytest.raises(Unfit, match="unreadable"):
        list(process.decode(b"x", "image/png", program=_TAKEN_OVER.format(acts=acts, open_locks="")))


@linux
def test_the_filter_refuses_what_it_does_not_know():
    """The program of the filter, run by hand, for every call there may be."""
    for machine, (architecture, calls) in confinement._CALLS.items():
        lines = confinement._program(architecture, calls)
        for number in range(600):
            for protection in (3, 7):
                verdict = _run(lines, architecture=architecture, number=number, third=protection)
                names = [name for name, one in calls.items() if one == number]
                allowed = bool(names) and not (names[0] in confinement._MEMORY_CALLS and protection & 4)
                assert (verdict == confinement._ALLOW) is allowed, (machine, number)
        assert _run(lines, architecture=1, number=0, third=0) == confinement._KILL
        assert _run(lines, architecture=architecture, number=0x40000000, third=0) == confinement._REFUSE


def _run(lines, *, architecture, number, third):
    memory = {0: number, 4: architecture, 32: third}
    at = value = 0
    while True:
        operation, yes, no, operand = lines[at]
        if operation == confinement._LOAD:
            value = memory[operand]
        elif operation == confinement._RETURN:
            return operand
        else:
            true = value == operand if operation == confinement._IF_EQUAL else bool(value & operand)
            at += yes if true else no
        at += 1
