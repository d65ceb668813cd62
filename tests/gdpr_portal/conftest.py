"""Whatever the doctor is asked about: the keys of another environment, a deployment, sealed rows."""

import pytest

from requests_app import keys
from tests import factories


@pytest.fixture
def rings(settings):
    """``rings(keks, index)`` is another environment's keys."""

    def put(keks=None, index=None):
        settings.PORTAL_KEKS = settings.PORTAL_KEKS if keks is None else keks
        settings.PORTAL_INDEX_KEYS = settings.PORTAL_INDEX_KEYS if index is None else index
        keys.key_encryption_keys.cache_clear()
        keys.index_keys.cache_clear()

    yield put
    keys.key_encryption_keys.cache_clear()
    keys.index_keys.cache_clear()


@pytest.fixture
def deployed(settings, tmp_path):
    """Settings as a deployment has them."""
    settings.DEMO = settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["portal.example"]
    settings.BEHIND_TLS = settings.PORTAL_RATE_LIMIT = True
    settings.PORTAL_APPROVAL_DELAY_HOURS = 12
    settings.STATIC_ROOT, settings.STATICFILES_DIRS = tmp_path / "static", [tmp_path / "sources"]
    return settings


@pytest.fixture
def sealed(db):
    subject = factories.DataSubjectFactory()
    factories.identifier(subject, "phone", "+441632960001")
    return subject
