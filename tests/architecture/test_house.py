"""The house keeps its rules, module by module."""

from pathlib import Path

import pytest

from tests.architecture import rules

ROOT = Path(__file__).resolve().parents[2]
APPLICATIONS = ("gdpr_portal", "requests_app", "content_app")
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for application in APPLICATIONS
    for path in (ROOT / application).rglob("*.py")
    if "/migrations/" not in path.as_posix()
)
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))


def test_there_is_a_house_to_look_at():
    assert len(SOURCES) > 40
    assert "requests_app/transitions.py" in SOURCES


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_no_module_breaks_the_rule(rule):
    found = [
        f"{path}:{line} {what}"
        for path in SOURCES
        for line, what in rule((ROOT / path).read_text(encoding="utf-8"), path)
    ]
    assert not found, "\n" + "\n".join(found)


def test_every_test_stands_for_a_module():
    modules = {path.removesuffix(".py") for path in SOURCES} | {path.removesuffix("/__init__.py") for path in SOURCES}
    assert [path for path in TESTS if rules.mirrors_nothing(path, modules)] == []
