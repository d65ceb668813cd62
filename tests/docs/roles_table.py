"""Writes the table of ``docs/roles.md`` anew: ``python -m tests.docs.roles_table``.

In:  the portal, in a test database of its own.
Out: the block between the marks.
Never here: a judgement. Whether a door *should* be open is for whoever reads the difference.
"""

import logging
import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from tests.docs import doors  # noqa: E402


def main() -> None:
    """Ask, and write."""
    setup_test_environment()
    logging.disable()  # every closed door would be a line
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        doors.write(doors.rendered(doors.access()))
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    sys.stdout.write(f"{doors.DOCUMENT} is written.\n")


if __name__ == "__main__":
    main()
