from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db.models.functions import Now

from monitoring import absence_watch, absences, watchdog
from monitoring.absence_models import Absence
from monitoring.absence_watch import is_lively, is_of_people
from monitoring.emergency_bus import parse_entry
from monitoring.emergency_listener import raise_finding
from monitoring.models import EmergencyLog, SensorLog
from monitoring.notice_models import DueTask, Notice
from seniors.models import AccessLog
from tests.api_calls import call
from tests.monitoring.emergencies import raised
from tests.monitoring.test_emergency_entries import text

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def body(kind: str = "away", starts: timedelta = -HOUR, ends: timedelta = DAY, **fields: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"from": (now + starts).isoformat(), "until": (now + ends).isoformat(), "kind": kind, **fields}


def path(senior: Senior) -> str:
    return f"seniors/{senior.pk}/absence"


def put(senior: Senior, by: Staff, *args: Any, **fields: Any) -> Any:
    return call(by, "put", path(senior), body(*args, **fields))


def found(senior: Senior, event_type: str = "inactivity") -> bool:
    """Whether a model's finding is raised now."""
    episode = f"{senior.pk}:{event_type}:2026-11-22T03:00:00+00:00:0"
    return raise_finding(parse_entry(text(senior_id=senior.pk, event_type=event_type, episode=episode)))


# -- over HTTP


def test_it_is_set_shown_and_ended(senior: Senior, kim: Staff) -> None:
    sent = body("hospital", note="무릎 수술")
    answer = call(kim, "put", path(senior), sent)
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["kind"], shown["note"], shown["asked_at"]) == ("hospital", "무릎 수술", None)
    assert datetime.fromisoformat(shown["until"]) == datetime.fromisoformat(sent["until"])
    assert call(kim, "get", path(senior)).json() == shown
    assert call(kim, "delete", path(senior)).status_code == 204
    for method in ("get", "delete"):
        gone = call(kim, method, path(senior))
        assert (gone.status_code, gone.json()["code"]) == (404, "no_absence")
    assert set(AccessLog.objects.filter(staff=kim).values_list("action", flat=True)) == {
        "absence.set",
        "absence.view",
        "absence.end",
    }


def test_a_new_one_takes_the_place_of_the_old(senior: Senior, kim: Staff) -> None:
    put(senior, kim, "away")
    put(senior, kim, "hospital")
    assert list(Absence.objects.order_by("pk").values_list("kind", "ended_why")) == [
        ("away", "replaced"),
        ("hospital", ""),
    ]


@pytest.mark.parametrize(("kind", "longest"), [("away", 14 * DAY), ("hospital", 30 * DAY), ("visitor", 12 * HOUR)])
def test_it_has_a_limit(senior: Senior, kim: Staff, kind: str, longest: timedelta) -> None:
    too_long = put(senior, kim, kind, -HOUR, longest - HOUR + MINUTE)
    assert (too_long.status_code, list(too_long.json()["errors"])) == (400, ["until"])
    assert put(senior, kim, kind, -HOUR, longest - HOUR).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (body(starts=DAY, ends=HOUR), "until"),
        (body(starts=-2 * DAY, ends=-DAY), "until"),
        (body("asleep"), "kind"),
        ({**body(), "from": "monday"}, "from"),
        ({**body(), "from": "2026-11-22T12:00:00"}, "from"),
        ({**body(), "until": "9999-12-31T23:59:59Z"}, "until"),
        ({"kind": "away", "from": body()["from"]}, "until"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    senior: Senior, kim: Staff, wrong: dict[str, Any], field: str
) -> None:
    put(senior, kim, "hospital")
    refused = call(kim, "put", path(senior), wrong)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])
    assert call(kim, "get", path(senior)).json()["kind"] == "hospital"


def test_only_those_who_care_may(senior: Senior, kim: Staff, lee: Staff, guardian: Staff) -> None:
    assert [put(senior, person).status_code for person in (lee, guardian, kim)] == [404, 403, 200]


# -- what it mutes


@pytest.mark.parametrize("kind", ["away", "hospital"])
def test_while_nobody_is_home_the_model_raises_nothing_and_a_press_always_does(
    senior: Senior, kim: Staff, kind: str
) -> None:
    put(senior, kim, kind)
    assert not found(senior)
    assert not EmergencyLog.objects.exists()
    assert raised(senior, event_type="sos", source="panic:1:sos:button", is_panic=True).status == "open"
    call(kim, "delete", path(senior))
    assert found(senior)
    assert EmergencyLog.objects.filter(event_type="inactivity").exists()


@pytest.mark.parametrize(
    ("event_type", "is_raised"), [("night_wandering", False), ("routine_change", False), ("inactivity", True)]
)
def test_a_visitor_mutes_only_what_visitors_cause(senior: Senior, kim: Staff, event_type: str, is_raised: bool) -> None:
    put(senior, kim, "visitor", ends=HOUR)
    assert found(senior, event_type) is is_raised


def test_one_that_begins_later_or_is_over_mutes_nothing(senior: Senior, kim: Staff) -> None:
    put(senior, kim, "away", HOUR)
    assert found(senior)
    put(senior, kim, "away")
    Absence.objects.filter(ended_at=None).update(ends_at=Now())
    assert found(senior, "no_wake_up")


# -- its end


def ask(senior: Senior, kim: Staff) -> Absence:
    put(senior, kim, "away")
    absence = Absence.objects.get(ended_at=None)
    assert absences.ask_whether_back(absence.pk)
    return absence


def test_the_caseworker_is_asked_once_whether_the_senior_is_back(senior: Senior, kim: Staff, lee: Staff) -> None:
    absence = ask(senior, kim)
    assert not absences.ask_whether_back(absence.pk)
    assert [(row.staff, row.kind, row.rings) for row in Notice.objects.all()] == [(kim, "is_back", True)]
    assert DueTask.objects.get().kind == "is_back"
    assert call(kim, "get", path(senior)).json()["asked_at"]


def test_unanswered_for_30_minutes_it_ends(senior: Senior, kim: Staff) -> None:
    absence = ask(senior, kim)
    watchdog.sweep()
    absence.refresh_from_db()
    assert absence.ended_at is None
    assert absence.ask_expires_at is not None
    assert absence.ask_expires_at - absence.asked_at == 30 * MINUTE  # type: ignore[operator]  # it was asked
    Absence.objects.update(ask_expires_at=Now())
    watchdog.sweep()
    absence.refresh_from_db()
    assert absence.ended_why == "back"
    assert found(senior)
    assert list(Notice.objects.filter(closed_at=None).values_list("kind", flat=True)) == ["absence_ended"]
    assert not DueTask.objects.filter(done_at=None).exists()


def test_still_away_answers_it_and_back_ends_it(senior: Senior, kim: Staff) -> None:
    absence = ask(senior, kim)
    assert call(kim, "post", f"{path(senior)}/confirm").status_code == 204
    Absence.objects.update(ask_expires_at=Now() + HOUR)
    watchdog.sweep()
    absence.refresh_from_db()
    assert (absence.ended_at, absence.asked_at) == (None, None)
    assert not Notice.objects.filter(closed_at=None).exists()
    assert absences.ask_whether_back(absence.pk)
    call(kim, "delete", path(senior))
    assert not Notice.objects.filter(closed_at=None).exists()
    assert call(kim, "post", f"{path(senior)}/confirm").status_code == 404


def test_it_ends_by_itself(senior: Senior, kim: Staff) -> None:
    put(senior, kim, "away")
    Absence.objects.update(ends_at=Now())
    assert call(kim, "get", path(senior)).status_code == 404
    watchdog.sweep()
    assert Absence.objects.get().ended_why == "over"


# -- ordinary activity


def moments(*minutes_ago: float) -> list[datetime]:
    return [NOON - ago * MINUTE for ago in minutes_ago]


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "lively"),
    [
        ((), False),
        ((1,), False),
        ((1, 8, 15, 22, 31), True),
        ((9, 15, 22, 31, 40), True),
        ((1, 8, 15, 22), False),  # too short
        ((1, 12, 20, 31), False),  # a pause
        ((11, 20, 28, 36, 45), False),  # over
    ],
)
def test_half_an_hour_without_a_long_pause_is_lively(ago: tuple[float, ...], lively: bool) -> None:
    assert is_lively(moments(*ago), NOON) is lively


def test_lights_and_power_are_nobody() -> None:
    assert [is_of_people(word, True) for word in ("motion", "door 현관", "light", "power", "sos")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert not is_of_people("motion", False)


def be_active(hub: IoTHub, minutes: int) -> None:
    now = datetime.now(UTC)
    SensorLog.objects.bulk_create(
        SensorLog(
            hub_id=hub.pk,
            timestamp=now - ago * MINUTE,
            sensor_id="kitchen_motion",
            sensor_value=True,
            event_content="motion",
        )
        for ago in range(0, minutes, 4)
    )


@pytest.mark.django_db(databases=["default", "timeseries"])
@pytest.mark.parametrize(("kind", "asked"), [("away", True), ("hospital", True), ("visitor", False)])
def test_a_lively_home_is_asked_about(senior: Senior, hub: IoTHub, kim: Staff, kind: str, asked: bool) -> None:
    put(senior, kim, kind, ends=HOUR)
    Absence.objects.update(created_at=Now() - 2 * HOUR)
    be_active(hub, 40)
    absence_watch.sweep()
    assert Notice.objects.filter(kind="is_back").exists() is asked


@pytest.mark.django_db(databases=["default", "timeseries"])
def test_activity_from_before_it_was_said_counts_for_nothing(senior: Senior, hub: IoTHub, kim: Staff) -> None:
    put(senior, kim, "away", -2 * HOUR)
    be_active(hub, 40)
    assert absence_watch.sweep() == 1
    assert absence_watch.sweep() == 0  # its turn comes in a minute
    assert not Notice.objects.exists()
