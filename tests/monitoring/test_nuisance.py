from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from monitoring.absence_models import AutomaticCheck
from monitoring.alerting import resolve
from monitoring.nuisance import Tally, model_rates, sensor_rates, soft_alarm_outcomes, type_rates
from tests.factories import make_senior
from tests.monitoring.emergencies import again, raised

if TYPE_CHECKING:
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db
LATELY = datetime.now(UTC) - timedelta(days=1)


def happened(senior: Senior, by: Staff, outcome: str, **fields: Any) -> EmergencyLog:
    return resolve(raised(senior, **fields).pk, by, outcome)


def press(senior: Senior, by: Staff, outcome: str, sensor_id: str) -> EmergencyLog:
    return happened(senior, by, outcome, event_type="sos", hub_id=7, sensor_id=sensor_id)


def test_a_button_that_often_rings_for_nothing_stands_first(senior: Senior, park: Staff) -> None:
    press(senior, park, "real", "pendant")
    for outcome in ("false_alarm", "equipment", "real", "test"):
        press(senior, park, outcome, "bedside")
    first, second = sensor_rates(park, LATELY)
    assert (first.sensor_id, first.tally) == ("bedside", Tally(real=1, false_alarms=1, equipment=1))
    assert first.tally.rate == pytest.approx(2 / 3)
    assert (second.sensor_id, second.hub_id, second.tally.rate) == ("pendant", 7, 0)


def test_one_emergency_of_many_presses_counts_once(senior: Senior, park: Staff) -> None:
    log = raised(senior, event_type="sos", hub_id=7, sensor_id="pendant")
    again(log, hub_id=7, sensor_id="pendant")
    resolve(log.pk, park, "false_alarm")
    assert [rate.tally.judged for rate in sensor_rates(park, LATELY)] == [1]


def test_weights_and_kinds_are_counted_too(senior: Senior, park: Staff) -> None:
    happened(senior, park, "false_alarm", weight_id=3)
    happened(senior, park, "real", weight_id=4)
    happened(senior, park, "real", event_type="sos")
    assert [(rate.weight_id, rate.tally.rate) for rate in model_rates(park, LATELY)] == [(3, 1.0), (4, 0.0)]
    assert {rate.event_type: rate.tally.judged for rate in type_rates(park, LATELY)} == {"inactivity": 2, "sos": 1}


def test_what_is_open_old_or_another_s_does_not_count(senior: Senior, kim: Staff, park: Staff) -> None:
    raised(senior)
    happened(make_senior(), park, "real")
    assert type_rates(kim, LATELY) == []
    assert len(type_rates(park, LATELY)) == 1
    assert type_rates(park, datetime.now(UTC) + timedelta(minutes=1)) == []


def test_questions_of_the_robot_are_counted_by_their_answers(senior: Senior) -> None:
    for number, outcome in enumerate(["ok", "ok", "no_answer"]):
        AutomaticCheck.objects.create(
            key=f"risk:{number}", senior=senior, status="ended", outcome=outcome, give_up_at=LATELY
        )
    AutomaticCheck.objects.create(key="risk:running", senior=senior, status="asked", give_up_at=LATELY)
    assert soft_alarm_outcomes(LATELY) == {"ok": 2, "no_answer": 1}
