"""What every test can ask for: the cast, a signed-in client, a clock, a sandbox contact centre.

The cast is one person for each role, a second one where two are needed, and an outsider **who may do nothing**. All of
them pass the door of the admin site, so that a test asks what a *view* permits. The network is closed but for this
machine (``--allow-hosts`` in ``pyproject.toml``).
"""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from content_app.connectors import http
from tests import factories, guards_aside, needs
from tests.sandbox import Sandbox

guards_aside.install()

_DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "django_db_setup"}


def pytest_configure(config: pytest.Config) -> None:
    """Some tests need a program of the operating system."""
    config.pluginmanager.register(needs)


#: What looks the same on either database, and takes long: screens, papers, what strangers make of a folder, and
#: accounts of what rows and files say, each of which Django alone reads and writes.
_ON_ONE_DATABASE = (
    "/test_admin_", "/test_disclosure", "/test_ways", "/test_bundle", "tests/content_app/reporting/",
    "tests/outsiders/", "tests/architecture/", "/test_reconciliation", "/test_recovery.py", "/test_oblivion",
    "/test_mismatch", "flow/test_forgetting.py",
)  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a browser and what needs no database, so that nobody has to remember to.

    A test that is marked for the other database is left out here, not skipped: in CI a skip is a failure.
    """
    for item in items:
        alone = item.get_closest_marker("postgresql") is not None
        if not alone and any(part in item.path.as_posix() for part in _ON_ONE_DATABASE):
            item.add_marker("sqlite")
    other = "sqlite" if connection.vendor == "postgresql" else "postgresql"
    elsewhere = [item for item in items if item.get_closest_marker(other)]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item in items if item not in elsewhere]
    # Whoever shares the work takes a piece of the list: what leans on one running demo stays together at its head.
    items.sort(key=lambda item: "/test_demo." not in item.path.as_posix())
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if "tests/browser/" in item.path.as_posix() or "page" in names:
            item.add_marker("browser")
        elif item.get_closest_marker("django_db") is None and not names & _DATABASE_FIXTURES:
            item.add_marker("pure")


# --- the cast --------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(db: None) -> User:
    """Takes calls, and takes down requests."""
    return factories.person("alex.agent", "agent")


@pytest.fixture
def staff(db: None) -> User:
    """Opens and validates requests."""
    return factories.person("sam.staff", "staff")


@pytest.fixture
def validator(db: None) -> User:
    """The second member of staff: validates what ``staff`` opened."""
    return factories.person("vera.validator", "staff")


@pytest.fixture
def supervisor(db: None) -> User:
    """Approves exact lists."""
    return factories.person("sue.supervisor", "supervisor")


@pytest.fixture
def second_supervisor(db: None) -> User:
    """Approves what the first may not; confirms what the first proposed."""
    return factories.person("seth.supervisor", "supervisor")


@pytest.fixture
def auditor(db: None) -> User:
    """Browses the audit trail."""
    return factories.person("audrey.auditor", "auditor")


@pytest.fixture
def administrator(db: None) -> User:
    """Keeps accounts and connected systems; sees no case."""
    return factories.person("adam.administrator", "administrator")


@pytest.fixture
def privacy_manager(db: None) -> User:
    """Decides about refusals."""
    return factories.person("petra.privacy", "privacy manager")


@pytest.fixture
def dpo(db: None) -> User:
    """The data protection officer: sees everything, changes nothing."""
    return factories.person("dora.dpo", "data protection officer")


@pytest.fixture
def outsider(db: None) -> User:
    """Is signed in, is in no group, and may do nothing."""
    return factories.person("otto.outsider")


@pytest.fixture
def superuser(db: None) -> User:
    """Django's own superuser. The rules of the house bind this one too."""
    return factories.person("root", is_superuser=True)


@pytest.fixture
def login() -> Callable[[User], Client]:
    """``login(user)`` is a client of their own, signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def evidence_folder(settings: Any, tmp_path: Path) -> Path:
    """A folder for evidence of this test's own: in the common one lie files of tests whose rows were rolled back."""
    folder = tmp_path / "evidence"
    default = settings.STORAGES["default"]
    options = default["OPTIONS"] | {"location": str(folder)}
    settings.STORAGES = settings.STORAGES | {"default": default | {"OPTIONS": options}}
    return folder


# --- the clock -------------------------------------------------------------------------------------------------------

#: A Monday morning, far from a change of the clocks.
MONDAY = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Time stands still on ``MONDAY`` until the test moves it: ``clock.shift(timedelta)``, ``clock.move_to(…)``.

    The database's clock as well.
    """
    for reading in ("now", "stamp"):
        monkeypatch.setattr(f"requests_app.clock.{reading}", lambda: dt.datetime.now(dt.UTC))
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


# --- the ledger ------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def ledger_directory(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each test publishes into a directory of its own: the tables are emptied after it, and both must fit."""
    directory = tmp_path_factory.getbasetemp() / f"ledger-{uuid4().hex}"
    settings.PORTAL_LEDGER_DIR, settings.PORTAL_LEDGER_KEYS_DIR = (
        directory,
        directory.with_name(f"{directory.name}-keys"),
    )
    return directory


@pytest.fixture(autouse=True)
def no_tokens() -> None:
    """No test signs in with a token that another test was given."""
    http.forget_tokens()


# --- the sandbox contact centre --------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A contact centre that all tests of this process share: a test looks only at what it has put there itself."""
    shared = Sandbox()
    yield shared
    shared.stop()


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., Sandbox]]:
    """``start_sandbox(seed=7, …)`` is a contact centre of one's own; it stops with the test."""
    started: list[Sandbox] = []

    def start(**options: object) -> Sandbox:
        started.append(Sandbox(**options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for one in started:
        one.stop()
