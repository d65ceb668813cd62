"""Takes away from this very process whatever decoding does not need. There is no way back.

In:  nothing.
Out: which locks hold, as names from ``LOCKS``.
Never here: a policy that depends on the file. It is called once, before a stranger's byte is read.

Each lock is enough against most of what a hijacked decoder could try; none needs a privilege or a package:

- ``limits``: no further open file, socket or process, no byte into any file; an end to memory and time. Any POSIX.
- ``account``: not root.
- ``network``: a network of its own without any device (Linux, where the host allows user namespaces).
- ``files``: no path can be opened, made or removed (Linux 5.13, Landlock).
- ``calls``: the kernel answers the few calls that computing needs, and refuses all others (Linux, seccomp; x86-64 and
  64-bit ARM).
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from contextlib import suppress

LOCKS = ("limits", "account", "network", "files", "calls")
#: Bytes of address space, seconds of computing, seconds by the clock.
MEMORY, CPU_SECONDS, SECONDS = 1 << 30, 25, 20
_NOBODY = 65534

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 4, 38, 22
_SECCOMP_FILTER = 2
_EPERM = 1
_NEW_USER = 0x10000000


def limit() -> None:
    """The limits under which libraries may still be loaded. A stray clock ends what the portal should have ended."""
    _cap(resource.RLIMIT_AS, MEMORY)
    _cap(resource.RLIMIT_CPU, CPU_SECONDS)
    _cap(resource.RLIMIT_CORE, 0)
    _cap(resource.RLIMIT_FSIZE, 0)
    signal.alarm(SECONDS + 5)


def confine() -> tuple[str, ...]:
    """Close every lock that there is here. Call it when everything is loaded and only computing remains."""
    held = {"limits": True, "network": _leave_network(), "account": _leave_root()}
    held["network"] = held["network"] or _leave_network(by=_NEW_USER)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        _promise(libc)
        held["files"] = _close_files(libc)
    _cap(resource.RLIMIT_NPROC, 0)
    _cap(resource.RLIMIT_NOFILE, 0)
    if sys.platform == "linux":
        held["calls"] = _close_calls(libc)
    return tuple(lock for lock in LOCKS if held.get(lock))


def _cap(what: int, most: int) -> None:
    """Soft and hard, and never above what is there."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _leave_network(*, by: int = 0) -> bool:
    """Root may as it is; others need a user namespace of their own, which hosts may forbid."""
    try:
        os.unshare(os.CLONE_NEWNET | os.CLONE_NEWIPC | os.CLONE_NEWUTS | by)
    except (AttributeError, OSError):
        return False
    return True


def _leave_root() -> bool:
    """Asked before a user namespace hides who this really is. A root without capabilities may not leave."""
    if os.geteuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
    return os.geteuid() != 0


def _promise(libc: ctypes.CDLL) -> None:
    """Die with the portal, be nobody's to look into, and never gain a privilege by an exec."""
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


# --- Landlock (the same numbers on every architecture) ---------------------------------------------------------------

_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_VERSION = 1
#: ABI → how many rights on files it knows.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NEWEST = 16


def _close_files(libc: ctypes.CDLL) -> bool:
    """A rule set that handles every right and grants none."""
    abi = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    if abi < 1:
        return False
    files = (1 << _FILE_RIGHTS.get(abi, _FILE_RIGHTS_NEWEST)) - 1
    tcp, scopes = (0b11 if abi >= 4 else 0), (0b11 if abi >= 6 else 0)
    rules = struct.pack("=QQQ", files, tcp, scopes)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, len(rules), 0)
    return bool(ruleset >= 0 and libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0)


# --- seccomp ---------------------------------------------------------------------------------------------------------

#: Machine → what the kernel calls it, and the numbers of the calls that computing needs. All but two look at no path
#: and open nothing. Not among them: ``open``, ``socket``, ``clone``, ``execve``, ``kill``, ``ptrace``, ``prctl``.
_CALLS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
            "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "readv": 19, "writev": 20,
            "sched_yield": 24, "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "sigaltstack": 131,
            "gettid": 186, "futex": 202, "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231,
            "getrandom": 318,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "mmap": 222, "mprotect": 226,
            "munmap": 215, "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "readv": 65,
            "writev": 66, "sched_yield": 124, "mremap": 216, "madvise": 233, "getpid": 172, "exit": 93,
            "sigaltstack": 132, "gettid": 178, "futex": 98, "restart_syscall": 128, "clock_gettime": 113,
            "exit_group": 94, "getrandom": 278,
        },
    ),
}  # fmt: skip
#: These may ask for memory, and not for memory to run: nothing that came with the file is ever code.
_MEMORY_CALLS = ("mmap", "mprotect")
_PROT_EXEC = 4
#: ``struct seccomp_data``: number at 0, architecture at 4, arguments of eight bytes from 16 on.
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32
_LOAD, _IF_EQUAL, _IF_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | _EPERM, 0x80000000


def _program(architecture: int, calls: dict[str, int]) -> list[tuple[int, int, int, int]]:
    """The filter: (operation, jump if so, jump if not, value) a line. Calls of a foreign architecture kill."""
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    for name, number in calls.items():
        if name in _MEMORY_CALLS:
            lines += [
                (_IF_EQUAL, 0, 4, number), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_IF_BITS, 0, 1, _PROT_EXEC),
                (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW),
            ]  # fmt: skip
        else:
            lines += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    return [*lines, (_RETURN, 0, 0, _REFUSE)]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def _close_calls(libc: ctypes.CDLL) -> bool:
    """Whatever is not on the list is refused, which an honest decoder survives."""
    if platform.machine() not in _CALLS:
        return False
    lines = _program(*_CALLS[platform.machine()])
    told = _Filter(len(lines), b"".join(struct.pack("=HBBI", *line) for line in lines))
    return libc.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(told), 0, 0) == 0
