from __future__ import annotations

from datetime import UTC, datetime, timedelta

from portal.pages.heartbeat_strip import SLOTS, WIDTH, draw_strip

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_a_hub_that_was_always_there_is_one_stretch() -> None:
    strip = draw_strip([], ago(100), NOW)
    assert [(stretch.state, stretch.width) for stretch in strip.stretches] == [("online", SLOTS * WIDTH)]
    assert strip.percent == "100"


def test_a_silence_stands_where_it_was_and_one_that_lasts_reaches_now() -> None:
    strip = draw_strip([(ago(12), ago(6)), (ago(1), None)], ago(100), NOW)
    assert [stretch.state for stretch in strip.stretches] == ["online", "offline", "online", "offline"]
    assert strip.stretches[-1].ends_at == NOW
    assert strip.percent == "70.8"


def test_before_the_first_contact_nothing_is_known() -> None:
    strip = draw_strip([], ago(6), NOW)
    assert [stretch.state for stretch in strip.stretches] == ["unknown", "online"]
    assert draw_strip([], None, NOW).percent == "–"
