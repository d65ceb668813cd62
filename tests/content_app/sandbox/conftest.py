"""One small contact centre per test."""

import pytest

from .centre import Centre


@pytest.fixture
def centre() -> Centre:
    return Centre()
