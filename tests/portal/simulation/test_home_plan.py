"""What a simulated home is told to do is read strictly, and a mistake is answered by what to write instead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal.simulation.home_plan import HomePlan, Incident, InvalidPlan, parse_incident, read_keys_file, seed_of_key

DEFAULTS = HomePlan(key="", name="", seed=0, silent_for=2.0)


@pytest.mark.parametrize(
    ("text", "incident"),
    [
        ("fall@+20s", Incident("fall", timedelta(seconds=20))),
        ("hub_off@+30", Incident("hub_off", timedelta(seconds=30))),
        ("silence@+1.5m", Incident("silence", timedelta(seconds=90))),
        ("gas@+2h", Incident("gas", timedelta(hours=2))),
    ],
)
def test_an_incident_has_a_kind_and_a_time_after_the_start(text: str, incident: Incident) -> None:
    assert parse_incident(text) == incident


@pytest.mark.parametrize("text", ["fall", "fall@20s", "fall@+s", "flood@+20s", "fall@+20d", "fall@+-3s"])
def test_a_mistaken_incident_is_answered_by_how_to_write_it(text: str) -> None:
    with pytest.raises(InvalidPlan, match=r"fall@\+20s"):
        parse_incident(text)


def test_a_keys_file_gives_each_home_its_own_plan_and_the_defaults_for_the_rest() -> None:
    lines = [
        '{"key": "a.1", "name": "김영희", "seed": 4, "incident": ["fall@+20s"],'
        ' "silent_for": 5, "robot_answer": "help"}',
        "",
        '{"key": "b.2"}',
    ]
    first, second = read_keys_file(lines, DEFAULTS)
    assert first == HomePlan("a.1", "김영희", 4, None, (Incident("fall", timedelta(seconds=20)),), 5.0, "help")
    assert second == HomePlan("b.2", "b", seed_of_key("b.9"), None, (), 2.0, "ok")


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{}",
        '{"key": ""}',
        '{"key": "a.1", "sede": 4}',
        '{"key": "a.1", "incident": "fall@+20s"}',
        '{"key": "a.1", "silent_for": -1}',
        '{"key": "a.1", "robot_answer": "maybe"}',
        '{"key": "a.1"',
    ],
)
def test_a_mistake_in_a_keys_file_is_named_by_its_line(line: str) -> None:
    with pytest.raises(InvalidPlan, match="line 2"):
        read_keys_file(['{"key": "a.1"}', line], DEFAULTS)
