"""`docs/retention.md` names every term with its setting and its default, and who destroys."""

import ast
import re
from importlib import import_module

from tests.docs import tables
from tests.docs.test_configuration import settings_that_are_read

DOCUMENT = "docs/retention.md"
BEGIN, END = "# --- how long what is kept", "# ---"


def terms_of_the_settings():
    """The settings of that section, with their defaults."""
    text = tables.text_of("gdpr_portal/settings.py")
    section = text.split(BEGIN, 1)[1].split("\n", 1)[1].split(END, 1)[0]
    names = re.findall(r'env\.int\("([A-Z_]+)"', section)
    return {name: ast.literal_eval(settings_that_are_read()[name][1]) for name in names}


def rows():
    return tables.table(DOCUMENT, "Terms")


def test_every_term_is_named_with_its_default():
    named = {tables.code(row["Setting"]): row["Term"] for row in rows() if row["Setting"] != "–"}
    assert set(named) == set(terms_of_the_settings())
    for row in rows():
        if row["Setting"] != "–" and "as the case" not in row["Term"]:
            assert re.search(rf"\b{terms_of_the_settings()[tables.code(row['Setting'])]}\b", row["Term"]), row


def test_whoever_destroys_is_there():
    for row in rows():
        if row["Destroyed by"] != "nothing":
            import_module(tables.code(row["Destroyed by"]))
