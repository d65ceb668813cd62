"""The corridor: how long it waits, and what it tells a person."""

from content_app import pipeline
from content_app.connectors.base import ConnectorError


def test_a_system_that_asks_for_a_day_of_silence_is_asked_again_sooner(monkeypatch):
    def limited(*args, **kwargs):
        raise ConnectorError("rate_limited", permanent=False, retry_after=86_400)

    monkeypatch.setattr(pipeline, "_next_room", limited)
    _, wait, _ = pipeline._work(None, beat=lambda: None)
    assert wait == pipeline.LONGEST_WAIT
