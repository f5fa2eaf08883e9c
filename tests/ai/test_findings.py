from __future__ import annotations

from datetime import datetime

from ai.features import HOUR
from ai.findings import Case, Finding, judge_cases
from ai.resident_weights import LoadedWeights
from ai.weight_store import WeightRef
from ai.wording import describe_silence, spell_minutes

from .homes import make_habits

NINE = datetime.fromisoformat("2026-11-23T09:00:00+09:00").timestamp()


def weights_of(senior_id: int, allowed_hours: float, longest_hours: float) -> LoadedWeights:
    ref = WeightRef(100 + senior_id, senior_id, 3, f"weights/{senior_id}/x.anbu", "0" * 64, 1)
    return LoadedWeights(ref, make_habits(allowed_hours, longest_hours))


def judge(now: float, last: float | None, weights: LoadedWeights | None, obstacle: str | None = None) -> Finding:
    return judge_cases(now, [Case(1, last, weights, obstacle)])[0]


def test_a_silence_over_the_limit_is_an_emergency_with_its_numbers() -> None:
    finding = judge(NINE + 192 * 60, NINE, weights_of(1, 3, 2.6667))
    assert finding.level == "emergency"
    assert finding.score == 1
    values = {"minutes": 192, "usual_max_minutes": 160, "allowed_minutes": 180}
    assert finding.reasons == [{"code": "silent_for", "values": values}]
    assert finding.weight_id == 101


def test_the_description_says_what_was_silent_what_is_usual_and_which_weights_judged() -> None:
    finding = judge(NINE + 192 * 60, NINE, weights_of(1, 3, 2.6667))
    assert describe_silence(finding) == (
        "3시간 12분째 움직임이 없습니다. 이 시간대 평소 최대 2시간 40분, 경보 기준 3시간 (가중치 v3)"
    )


def test_spans_are_spelt_in_hours_and_minutes() -> None:
    assert [spell_minutes(minutes) for minutes in (0, 59, 60, 61)] == ["0분", "59분", "1시간", "1시간 1분"]


def test_an_episode_is_constant_while_the_silence_lasts_and_its_stage_rises() -> None:
    weights = weights_of(1, 3, 2)
    warning, first, later = (judge(NINE + hours * HOUR, NINE, weights).episode for hours in (2.7, 3, 20))
    assert warning == "1:inactivity:2026-11-23T00:00:00+00:00:0"
    assert first == later == "1:inactivity:2026-11-23T00:00:00+00:00:1"


def test_an_ordinary_silence_has_no_episode() -> None:
    finding = judge(NINE + HOUR, NINE, weights_of(1, 3, 2))
    assert (finding.level, finding.episode, finding.score) == ("normal", None, 0.3333)


def test_a_hub_that_is_away_is_no_emergency_however_long_the_silence() -> None:
    finding = judge(NINE + 40 * HOUR, NINE, weights_of(1, 3, 2), "hub_offline")
    assert (finding.level, finding.score, finding.episode) == ("no_data", 0, None)
    assert finding.reasons == [{"code": "hub_offline", "values": {}}]


def test_without_weights_there_is_no_judgement() -> None:
    assert judge(NINE + 40 * HOUR, NINE, None).reasons == [{"code": "no_weights", "values": {}}]


def test_a_home_that_never_moved_has_no_events() -> None:
    assert judge(NINE, None, weights_of(1, 3, 2)).reasons == [{"code": "no_events", "values": {}}]


def test_everybody_gets_one_finding() -> None:
    cases = [Case(n, NINE, weights_of(n, n, n) if n % 2 else None, None) for n in range(1, 7)]
    findings = {finding.senior_id: finding.level for finding in judge_cases(NINE + 3 * HOUR, cases)}
    assert findings == {1: "emergency", 2: "no_data", 3: "emergency", 4: "no_data", 5: "watch", 6: "no_data"}


def test_a_silence_that_a_door_began_says_so() -> None:
    (finding,) = judge_cases(NINE + HOUR, [Case(1, NINE, weights_of(1, 3, 2), None, out=True)])
    assert [reason["code"] for reason in finding.reasons] == ["silent_for", "door_was_last"]
