"""What a document mentions exists: files, anchors, commands, targets of make, modules, settings."""

import re
from importlib import import_module
from importlib.util import find_spec

import pytest
from django.core.management import get_commands

from tests.docs import tables
from tests.docs.test_configuration import names_of_environment, settings_that_are_read

DOCUMENTS = sorted(
    path.relative_to(tables.ROOT).as_posix()
    for path in (*tables.ROOT.glob("*.md"), *tables.DOCS.rglob("*.md"), *tables.ROOT.glob("content_app/**/*.md"))
)
COMMANDS = {
    path.stem
    for app in ("gdpr_portal", "requests_app", "content_app")
    for path in (tables.ROOT / app / "management" / "commands").glob("[a-z]*.py")
}
pytestmark = pytest.mark.parametrize("document", DOCUMENTS)


def test_every_link_leads_somewhere(document):
    folder = (tables.ROOT / document).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", tables.text_of(document)):
        if not target.startswith(("http://", "https://", "mailto:")):
            file, _, anchor = target.partition("#")
            place = folder / file if file else tables.ROOT / document
            assert place.exists(), target
            assert not anchor or anchor in _anchors(place.read_text(encoding="utf-8")), target


def _anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_command_exists(document):
    named = set(re.findall(r"manage\.py ([a-z_]+)", tables.text_of(document)))
    assert named <= set(get_commands())


def test_every_target_of_make_exists(document):
    targets = re.findall(r"^([a-z][a-z -]*):", tables.text_of("Makefile"), re.MULTILINE)
    known = {target for line in targets for target in line.split()}
    code = re.findall(r"`([^`\n]*)`|^    (.*)$", tables.text_of(document), re.MULTILINE)
    named = {one for part in code for text in part for one in re.findall(r"\bmake ([a-z][a-z-]*)", text)}
    assert named <= known


def test_every_module_exists(document):
    named = set(
        re.findall(r"`((?:gdpr_portal|requests_app|content_app|tests)(?:\.[a-z_]+)+)`", tables.text_of(document))
    )
    permissions = re.compile(
        r"\w+\.(view|add|change|delete|capture|validate|freeze|approve|refuse|close|export|see|reveal|draw|open|review)_"
    )
    own = {"content_app.stop_system", "content_app.enable_deletion", "requests_app.suppress_subject"}
    for name in named - own:
        if not permissions.match(name):
            assert exists(name), name


def exists(name):
    """A module, or something in one."""
    parent, _, last = name.rpartition(".")
    return hasattr(import_module(parent), last) or find_spec(name) is not None


def test_every_path_exists(document):
    for path in re.findall(
        r"`((?:docs|tests|content_app|requests_app|gdpr_portal)/[\w./-]+)`", tables.text_of(document)
    ):
        assert (tables.ROOT / path).exists() or "<" in path, path


def test_every_setting_exists(document):
    known = set(settings_that_are_read())
    known |= set(names_of_environment(tables.ROOT / "gdpr_portal/demo.py"))
    named = set(re.findall(r"\b(PORTAL_[A-Z_]+|VCC_[A-Z]+(?:_[A-Z]+)*)\b", tables.text_of(document)))
    assert named <= known | {"VCC_CLIENT_ID", "VCC_CLIENT_SECRET"}


def test_every_command_of_ours_is_described(document):
    if document == "docs/operations.md":
        assert {tables.code(row["Command"]) for row in tables.table(document, "Commands")} == COMMANDS
