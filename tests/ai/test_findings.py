from __future__ import annotations

from datetime import datetime

import numpy as np

from ai.features import DOOR, HOUR, to_local
from ai.findings import OBSTACLES, Cases, Finding, describe_rows, judge_cases
from ai.habits import Habits, stack_habits
from ai.tracks import empty_tracks
from ai.wording import describe_finding, spell_minutes

from .homes import make_habits

NINE = datetime.fromisoformat("2026-11-23T09:00:00+09:00").timestamp()


def make_cases(habits: list[Habits], last: float | None = NINE, obstacle: str = "", *, out: bool = False) -> Cases:
    """Seniors 1, 2, ... who were last active at the same moment (epoch seconds)."""
    n = len(habits)
    at = 0.0 if last is None else float(to_local(np.array(last)))
    tracks = empty_tracks(n)
    tracks["seen"][:, 0], tracks["since"][:, 0] = at, at
    tracks["key"][:, 0], tracks["word"][:, 0] = 1, DOOR if out else 0
    return Cases(
        senior_ids=np.arange(1, n + 1),
        tracks=tracks,
        habits=stack_habits(habits),
        obstacles=np.full(n, OBSTACLES.index(obstacle)),
        weight_ids=np.arange(101, 101 + n),
        versions=np.full(n, 3),
    )


def judge_all(now: float, cases: Cases) -> list[Finding]:
    local = float(to_local(np.array(now)))
    return describe_rows(local, cases, judge_cases(local, cases), np.arange(cases.versions.size))


def judge(now: float, last: float | None, habits: Habits, obstacle: str = "") -> Finding:
    return judge_all(now, make_cases([habits], last, obstacle))[0]


def test_a_silence_over_the_limit_is_an_emergency_with_its_numbers() -> None:
    finding = judge(NINE + 192 * 60, NINE, make_habits(3, 2.6667))
    assert finding.level == "emergency"
    assert finding.score == 1
    values = {"minutes": 192, "usual_max_minutes": 160, "allowed_minutes": 180}
    assert finding.reasons == [{"code": "silent_for", "values": values}]
    assert finding.weight_id == 101


def test_the_description_says_what_was_silent_what_is_usual_and_which_weights_judged() -> None:
    finding = judge(NINE + 192 * 60, NINE, make_habits(3, 2.6667))
    assert describe_finding(finding) == (
        "3시간 12분째 움직임이 없습니다. 이 시간대 평소 최대 2시간 40분, 경보 기준 3시간 (가중치 v3)"
    )


def test_spans_are_spelt_in_hours_and_minutes() -> None:
    assert [spell_minutes(minutes) for minutes in (0, 59, 60, 61)] == ["0분", "59분", "1시간", "1시간 1분"]


def test_an_episode_is_constant_while_the_silence_lasts_and_its_stage_rises() -> None:
    weights = make_habits(3, 2)
    warning, first, later = (judge(NINE + hours * HOUR, NINE, weights).episode for hours in (2.7, 3, 20))
    assert warning == "1:inactivity:2026-11-23T00:00:00+00:00:0"
    assert first == later == "1:inactivity:2026-11-23T00:00:00+00:00:1"


def test_an_ordinary_silence_has_no_episode() -> None:
    finding = judge(NINE + HOUR, NINE, make_habits(3, 2))
    assert (finding.level, finding.episode, finding.score) == ("normal", None, 0.3333)


def test_a_hub_that_is_away_is_no_emergency_however_long_the_silence() -> None:
    finding = judge(NINE + 40 * HOUR, NINE, make_habits(3, 2), "hub_offline")
    assert (finding.level, finding.score, finding.episode) == ("no_data", 0, None)
    assert finding.reasons == [{"code": "hub_offline", "values": {}}]


def test_a_home_that_never_moved_has_no_events() -> None:
    assert judge(NINE, None, make_habits(3, 2)).reasons == [{"code": "no_events", "values": {}}]


def test_everybody_gets_one_finding() -> None:
    cases = make_cases([make_habits(n, n) for n in range(1, 7)])
    cases.obstacles[1::2] = OBSTACLES.index("no_weights")
    findings = judge_all(NINE + 3 * HOUR, cases)
    assert {finding.senior_id: finding.level for finding in findings} == {
        1: "emergency",
        2: "no_data",
        3: "emergency",
        4: "no_data",
        5: "watch",
        6: "no_data",
    }
    assert findings[1].reasons == [{"code": "no_weights", "values": {}}]


def test_a_silence_that_a_door_began_says_so() -> None:
    (finding,) = judge_all(NINE + HOUR, make_cases([make_habits(3, 2)], out=True))
    assert [reason["code"] for reason in finding.reasons] == ["silent_for", "door_was_last"]


def test_what_has_to_be_said_at_once_changes_the_gist_and_growing_numbers_do_not() -> None:
    cases = make_cases([make_habits(3, 2)])
    local = [float(to_local(np.array(NINE + hours * HOUR))) for hours in (0.2, 0.4, 2.7, 2.8, 3, 20)]
    quiet, still_quiet, warned, still_warned, rang, still_rings = (
        int(judge_cases(now, cases).gists[0]) for now in local
    )
    assert quiet == still_quiet
    assert warned == still_warned
    assert rang == still_rings
    assert len({quiet, warned, rang}) == 3
    assert judge_cases(local[4], make_cases([make_habits(3, 2)], NINE - 60)).gists[0] != rang
