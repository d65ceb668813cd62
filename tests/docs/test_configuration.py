"""`docs/configuration.md` names every variable that the portal reads, and no other."""

import ast
import re
from pathlib import Path

from tests.docs import tables

DOCUMENT = "docs/configuration.md"


def settings_that_are_read():
    """name → (type, default as it is written or ``None`` where it must be set)."""
    found = {}
    for node in ast.walk(ast.parse(tables.text_of("gdpr_portal/settings.py"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_env(node.func.value):
            default = next((word.value for word in node.keywords if word.arg == "default"), None)
            found[node.args[0].value] = (node.func.attr, default)
    return found


def _is_env(node):
    return isinstance(node, ast.Name) and node.id == "env"


def test_every_setting_is_described_and_no_other():
    described = {tables.code(row["Variable"]): row for row in tables.table(DOCUMENT, "Configuration")}
    read = settings_that_are_read()
    assert set(described) == set(read)
    assert {name: row["Type"] for name, row in described.items()} == {name: kind for name, (kind, _) in read.items()}


def test_the_defaults_are_those_of_the_settings():
    for row in tables.table(DOCUMENT, "Configuration"):
        name = tables.code(row["Variable"])
        _, default = settings_that_are_read()[name]
        if default is None:
            assert row["Default"] == "–", name
        elif _is_literal(default):
            assert row["Default"] == f"`{ast.literal_eval(default)!r}`", name
        else:
            assert row["Default"] not in ("", "–"), name


def _is_literal(node):
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def names_of_environment(path: Path):
    """Every name that a module asks the environment for itself; what is put together is ``<…>``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in ("os.environ.get", "os.getenv")
    ]
    asked += [
        node.slice
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ"
    ]
    for node in asked:
        if isinstance(node, ast.JoinedStr):
            yield re.sub(r"\{[^}]*\}", "<prefix>", ast.unparse(node).removeprefix("f").strip("'\""))
        elif isinstance(node, ast.Constant):
            yield node.value


def test_what_is_read_beside_the_settings_is_described_too():
    modules = [
        path for app in ("gdpr_portal", "requests_app", "content_app") for path in (tables.ROOT / app).rglob("*.py")
    ]
    asked = {name for path in modules for name in names_of_environment(path)}
    of_systems = tables.table(DOCUMENT, "Credentials of connected systems")
    of_demo = tables.table(DOCUMENT, "The demo alone")
    of_systemd = tables.table(DOCUMENT, "Set by systemd")
    described = {tables.code(row["Variable"]) for row in [*of_systems, *of_demo, *of_systemd]}
    assert asked - {"DJANGO_SETTINGS_MODULE"} == described
