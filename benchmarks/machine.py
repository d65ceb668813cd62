"""Names the machine that figures come from, since without it they mean nothing.

In:  /proc, the interpreter.
Out: one line for the machine, one for what else it was doing.
Never here: a figure of the portal.
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def _field(file: str, name: str) -> str:
    lines = Path(file).read_text(encoding="utf-8").splitlines() if Path(file).exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "unknown")


def described() -> str:
    """Processor, cores, memory, kernel, interpreter."""
    memory = _field("/proc/meminfo", "MemTotal").removesuffix(" kB")
    gigabytes = f"{int(memory) / 1024**2:.0f} GB" if memory.isdecimal() else memory
    return (
        f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores, {gigabytes}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def load() -> str:
    """The moment and the load averages: what else the machine was doing."""
    averages = " ".join(f"{one:.2f}" for one in os.getloadavg())
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {averages}"
