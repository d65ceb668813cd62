"""Writes the tables of `docs/faults.md` anew, from a run of the tests: ``python -m tests.chaos.fault_table``.

In:  the document, with its headings; the tests, which take a minute or two.
Out: the document, its tables filled with what was measured just now. Read the difference before you commit it.
Never here: a verdict. Whether a result is right, the tests say themselves.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chaos.fault_proxy import FAULTS, VERBS
from tests.docs import tables

DOCUMENT, TESTS = "docs/faults.md", "tests/chaos/test_faults.py"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        measured = Path(folder) / "measured"
        environment = os.environ | {"FAULTS_MEASURED": str(measured)}
        done = subprocess.run((sys.executable, "-m", "pytest", TESTS), env=environment, check=False)
        write(measured.read_text().splitlines())
    return done.returncode


def write(lines: list[str]) -> None:
    """Replace the table under each heading; a line is a JSON array of heading, fault, verb and what was measured."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for line in lines:
        heading, fault, verb, cell = json.loads(line)
        found.setdefault(heading, {}).setdefault(fault, {})[verb] = cell
    text = tables.text_of(DOCUMENT)
    for heading, cells in found.items():
        verbs = [verb.capitalize() for verb in VERBS if any(verb.capitalize() in row for row in cells.values())]
        rows = [
            [fault.name, "yes" if fault.reaches else "no", *(cells[fault.name].get(verb, "?") for verb in verbs)]
            for fault in FAULTS
            if fault.name in cells
        ]
        table = tables.markdown(["Fault", "Carried out", *verbs], rows)
        place = re.compile(rf"^(## {heading}\n(?:(?![#|]).*\n)*)(?:\|.*\n)*\n*", re.MULTILINE)
        text = place.sub(lambda found, table=table: f"{found[1].rstrip()}\n\n{table}\n\n", text)
    (tables.ROOT / DOCUMENT).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
