"""The units of `docs/operations.md` are such as systemd reads, and what they start exists."""

import configparser
import shlex
import shutil
import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class

from tests.docs import tables

UNITS = sorted((tables.DOCS / "units").iterdir())


def read(unit):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(unit.read_text(encoding="utf-8"))
    return parser


def test_every_unit_is_told_and_no_other():
    rows = tables.table("docs/operations.md", "systemd")
    assert {name for row in rows for name in tables.codes(row["Unit"])} == {unit.name for unit in UNITS}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_a_unit_starts_exists(unit):
    parser = read(unit)
    started = parser.get("Service", "ExecStart", fallback="")
    assert started or unit.suffix == ".timer"
    if "manage.py" in started:
        _, _, name, *options = shlex.split(started)
        command = load_command_class(get_commands()[name], name)
        command.create_parser("manage.py", name).parse_args(options)
        assert parser.get("Service", "User") == "portal"
    if parser.get("Service", "WatchdogSec", fallback=""):
        assert parser.get("Service", "Type") == "notify"
    failing = parser.get("Unit", "OnFailure", fallback="")
    assert not failing or failing.split("@")[0] + "@.service" in {one.name for one in UNITS}


@pytest.mark.needs("systemd-analyze")
def test_systemd_reads_them(tmp_path):
    names = []
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8")
        for program in ("python", "gunicorn"):
            text = text.replace(f"/srv/portal/venv/bin/{program}", sys.executable)
        text = text.replace("/usr/bin/logger", sys.executable).replace("/srv/portal/app", str(tables.ROOT))
        name = unit.name.replace("@.", "@1.")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
        names.append(str(tmp_path / name))
    program = shutil.which("systemd-analyze")
    done = subprocess.run([program, "verify", "--man=no", *names], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if any(unit.stem.split("@")[0] in line for unit in UNITS)]
    assert (done.returncode, said) == (0, [])
