"""A stage for each test, with nothing to wait for."""

from typing import Any

import pytest

from tests.chaos import acts_engine, acts_forgetting, acts_ledger, acts_safeguards, acts_setup  # noqa: F401  register their acts
from tests.chaos.stage import Stage


@pytest.fixture
def stage(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> Stage:
    """A portal with an empty contact centre, and a folder for documents of its own."""
    settings.PORTAL_APPROVAL_DELAY_HOURS = 0
    settings.STORAGES = settings.STORAGES | {
        "default": settings.STORAGES["default"] | {"OPTIONS": {"location": str(tmp_path / "evidence")}}
    }
    return Stage(monkeypatch)
