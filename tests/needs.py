"""Tests that need a program of the operating system, and what becomes of them where it is missing.

In:  tests marked ``@pytest.mark.needs("clamd", …)``.
Out: left out with a loud line at the end; in CI (``CI=true``) each of them fails.
Never here: a skip, or a test that is left out in silence.

A plugin of pytest; ``tests/conftest.py`` registers it.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import hosts
from tests.run import IN_CI

#: What Go's own verifier of modules is made of, in source: a library, and no program.
GO_SUMDB = "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog"
#: No program: hosts of their own on this machine, which root on Linux makes with iproute2.
NAMESPACES = "network namespaces, as root"
#: Program → the Debian package that brings it.
PACKAGES = {
    "clamd": "clamav-daemon", "go": "golang-go", "pdfsig": "poppler-utils",
    "systemd-analyze": "systemd", NAMESPACES: "iproute2", GO_SUMDB: "golang-golang-x-mod-dev",
}  # fmt: skip
#: Verifiers of others, which `make outsiders` puts into an environment of their own.
OUTSIDERS = Path(__file__).parents[1] / ".outsiders" / "bin"
_OUTSIDERS = {"aics-tlog", "aics-witness", "tlog-tiles"}
#: Where daemons are, which an ordinary account's PATH leaves out.
_DAEMONS = "/usr/local/sbin:/usr/sbin:/sbin"
_LACKING = pytest.StashKey[dict[str, int]]()


def find(program: str) -> str | None:
    """Where the program is, or ``None``. A path is there or not."""
    if program == NAMESPACES:
        return program if hosts.can_be_made() else None
    if program.startswith("/"):
        return program if Path(program).exists() else None
    return shutil.which(program) or shutil.which(program, path=f"{_DAEMONS}:{OUTSIDERS}")


def lacking(item: pytest.Item) -> list[str]:
    """The programs that this test needs and this machine has not."""
    wanted = [program for marker in item.iter_markers("needs") for program in marker.args]
    return [program for program in dict.fromkeys(wanted) if find(program) is None]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here, and count it. In CI everything stays, to fail."""
    counts = config.stash.setdefault(_LACKING, {})
    if IN_CI:
        return
    out = {item: programs for item in items if (programs := lacking(item))}
    for program in (program for programs in out.values() for program in programs):
        counts[program] = counts.get(program, 0) + 1
    config.hook.pytest_deselected(items=list(out))
    items[:] = [item for item in items if item not in out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In CI a program that is missing is a failure. Elsewhere nothing that lacks one is left."""
    if programs := lacking(item):
        pytest.fail(f"This needs {_told(programs)}.", pytrace=False)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The loud lines."""
    for program, count in sorted(config.stash.get(_LACKING, {}).items()):
        tests = "1 test needs" if count == 1 else f"{count} tests need"
        terminalreporter.write_line(f"!!  NOT RUN: {tests} {_told([program])}.", red=True, bold=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist writes to nobody: it hands its counts to whoever started it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["lacking"] = session.config.stash.get(_LACKING, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker has collected the same tests, so the counts are those of any."""
    node.config.stash[_LACKING] = dict(getattr(node, "workeroutput", {}).get("lacking", {}))


def _told(programs: list[str]) -> str:
    packages = " ".join(PACKAGES.get(program, program) for program in programs if program not in _OUTSIDERS)
    how = [f"Debian: apt-get install {packages}"] if packages else []
    how += ["make outsiders"] if _OUTSIDERS & set(programs) else []
    return f"{' and '.join(programs)}, not found here ({'; '.join(how)})"
