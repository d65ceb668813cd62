"""Terms: the settings decide, to the moment."""

from datetime import UTC, date, datetime

import pytest

from requests_app import terms
from tests.conftest import MONDAY


@pytest.mark.parametrize(
    ("day", "years", "then"),
    [
        (date(2026, 11, 24), 3, date(2029, 11, 24)),
        (date(2024, 2, 29), 3, date(2027, 2, 28)),
        (date(2024, 2, 29), 4, date(2028, 2, 29)),
        (datetime(2026, 3, 2, 9, tzinfo=UTC), -3, datetime(2023, 3, 2, 9, tzinfo=UTC)),
    ],
)
def test_years_are_years_of_the_calendar(day, years, then):
    assert terms.years_after(day, years) == then


def test_the_terms_are_those_of_the_settings(clock, settings):
    settings.PORTAL_CASE_YEARS, settings.PORTAL_EVIDENCE_DAYS, settings.PORTAL_ACCESS_LOG_DAYS = 1, 2, 3
    assert terms.case_ended_before() == MONDAY.replace(year=2025)
    assert terms.evidence_added_before() == datetime(2026, 2, 28, 9, tzinfo=UTC)
    assert terms.access_noted_before() == datetime(2026, 2, 27, 9, tzinfo=UTC)
