"""What one tick publishes and reports, on real rows, a real cache and real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from ai.object_store import write_object
from ai.resident_weights import ResidentWeights
from ai.scoring import Scorer, Tick
from ai.shard_state import take_lease
from ai.weight_registry import activate_weights
from ai.weight_store import WeightStore
from devices.models import IoTHub
from monitoring.models import IngestBatch

from .rows import hours_ago, make_live_weights, make_senior, make_supervisor, sense

if TYPE_CHECKING:
    from redis import Redis

    from seniors.models import Senior

    from .backend_double import BackendDouble

pytestmark = [
    pytest.mark.django_db(databases=["default", "timeseries"]),
    pytest.mark.usefixtures("bucket"),
]


@pytest.fixture
def scorer(redis: Redis, backend: BackendDouble) -> Scorer:
    return Scorer(redis, ResidentWeights(WeightStore(redis)), backend.client())


def tick(scorer: Scorer) -> Tick:
    done = scorer.score_shard(0, 1)
    assert done is not None
    return done


def settle(redis: Redis) -> None:
    """Lets the half minute pass in which a hub that came back may still deliver."""
    change_state(redis, settled_at=0.0)


def change_state(redis: Redis, **fields: Any) -> None:
    lease = take_lease(redis, 0)
    assert lease is not None
    state = lease.read_state(1)
    assert state is not None
    for name, value in fields.items():
        state.book[name] = value
    lease.write_state(state)
    lease.release()


def entries(redis: Redis) -> list[dict[str, Any]]:
    return [json.loads(fields[b"json"]) for _, fields in redis.xrange("emergencies")]  # type: ignore[union-attr]  # redis-py's union with awaitables


def risk_of(backend: BackendDouble, senior: Senior) -> dict[str, Any]:
    return [risk for risk in backend.risks if risk["senior_id"] == senior.pk][-1]


def test_a_long_silence_is_published_with_the_weights_that_judged(
    scorer: Scorer, redis: Redis, backend: BackendDouble
) -> None:
    senior, last = make_senior(), hours_ago(3)
    weight = make_live_weights(senior, 2.0)
    sense(senior, [last])
    tick(scorer)
    settle(redis)
    assert tick(scorer).emergencies == 1
    (entry,) = entries(redis)
    assert set(entry) == {
        "message_id",
        "senior_id",
        "event_type",
        "episode",
        "severity",
        "description",
        "reasons",
        "occurred_at",
        "detected_at",
        "weight_id",
    }
    assert (entry["senior_id"], entry["event_type"], entry["severity"]) == (senior.pk, "inactivity", "high")
    assert entry["weight_id"] == weight.pk
    assert entry["episode"] == f"{senior.pk}:inactivity:{last.replace(microsecond=0).isoformat()}:1"
    assert "3시간째 움직임이 없습니다" in entry["description"]
    assert "(가중치 v1)" in entry["description"]
    risk = risk_of(backend, senior)
    assert (risk["level"], risk["score"], risk["episode"]) == ("emergency", 1.0, entry["episode"])


def test_an_emergency_is_said_again_after_a_minute_under_the_same_episode(scorer: Scorer, redis: Redis) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)])
    tick(scorer)
    settle(redis)
    assert [tick(scorer).emergencies for _ in range(3)] == [1, 0, 0]
    change_state(redis, published_at=datetime.now(UTC).timestamp() - 61)
    assert tick(scorer).emergencies == 1
    first, second = entries(redis)
    assert first["episode"] == second["episode"]
    assert first["message_id"] != second["message_id"]


def test_an_event_ends_the_emergency(scorer: Scorer, redis: Redis, backend: BackendDouble) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)])
    tick(scorer)
    settle(redis)
    tick(scorer)
    sense(senior, [hours_ago(0)])
    assert tick(scorer).emergencies == 0
    assert risk_of(backend, senior)["level"] == "normal"


def test_before_anything_is_learned_people_in_general_are_the_measure(
    scorer: Scorer, redis: Redis, backend: BackendDouble
) -> None:
    still, stirring = make_senior("고요"), make_senior("부산")
    sense(still, [hours_ago(13)])
    sense(stirring, [hours_ago(0.5)])
    tick(scorer)
    settle(redis)
    assert tick(scorer).emergencies == 1
    (entry,) = entries(redis)
    assert (entry["senior_id"], entry["weight_id"]) == (still.pk, None)
    for senior, level in ((still, "emergency"), (stirring, "normal")):
        risk = risk_of(backend, senior)
        assert risk["level"] == level
        assert "learning" in [reason["code"] for reason in risk["reasons"]]


@pytest.mark.parametrize("status", ["offline", "never_seen"])
def test_a_hub_that_is_not_online_raises_nothing(
    scorer: Scorer, redis: Redis, backend: BackendDouble, status: str
) -> None:
    senior = make_senior(status=status)
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(30)])
    tick(scorer)
    settle(redis)
    assert tick(scorer).emergencies == 0
    risk = risk_of(backend, senior)
    assert (risk["level"], risk["reasons"][0]["code"]) == ("no_data", f"hub_{status}")


def test_a_hub_that_comes_back_is_given_time_to_deliver(scorer: Scorer, redis: Redis, backend: BackendDouble) -> None:
    senior = make_senior(status="offline")
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(30)])
    tick(scorer)
    settle(redis)
    IoTHub.objects.update(status="online")
    assert tick(scorer).emergencies == 0
    assert risk_of(backend, senior)["reasons"][0]["code"] == "hub_catching_up"
    settle(redis)
    assert tick(scorer).emergencies == 1


def test_history_that_is_being_delivered_raises_nothing(scorer: Scorer, redis: Redis) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(100)])
    tick(scorer)
    settle(redis)
    sense(senior, [hours_ago(50)], late=True)
    assert tick(scorer).emergencies == 0


def test_events_of_a_hub_that_was_replaced_still_count(scorer: Scorer, redis: Redis) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(1)])
    senior.hubs.update(deregistered_at=datetime.now(UTC))
    IoTHub.objects.create(senior=senior, device_id="second", status="online")
    sense(senior, [hours_ago(5)])
    tick(scorer)
    settle(redis)
    assert tick(scorer).emergencies == 0


def test_what_nobodys_movement_made_is_no_activity(scorer: Scorer, redis: Redis) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)], "motion kitchen")
    sense(senior, [hours_ago(0.1)], "temperature 21")
    sense(senior, [hours_ago(0.1)], "sos")
    tick(scorer)
    settle(redis)
    assert tick(scorer).emergencies == 1


def test_a_lost_state_is_rebuilt_from_the_events_with_the_same_episode(scorer: Scorer, redis: Redis) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(70)])
    tick(scorer)
    settle(redis)
    tick(scorer)
    (before,) = entries(redis)
    redis.flushdb()
    assert tick(scorer).rebuilt
    settle(redis)
    tick(scorer)
    (after,) = entries(redis)
    assert before["episode"] == after["episode"]


def test_a_tick_reads_a_batch_that_committed_late(scorer: Scorer, redis: Redis, backend: BackendDouble) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(1.9)])
    tick(scorer)
    settle(redis)
    tick(scorer)
    sense(senior, [hours_ago(0)])
    IngestBatch.objects.filter(last_at__gt=hours_ago(1)).update(batch_id=1)
    tick(scorer)
    assert risk_of(backend, senior)["level"] == "normal"


def test_the_next_tick_uses_weights_that_were_rolled_back(scorer: Scorer, redis: Redis, backend: BackendDouble) -> None:
    senior, boss = make_senior(), make_supervisor()
    first = make_live_weights(senior, 8.0)
    second = make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)])
    tick(scorer)
    settle(redis)
    tick(scorer)
    assert risk_of(backend, senior)["weight_id"] == second.pk
    activate_weights(first.pk, boss)
    tick(scorer)
    risk = risk_of(backend, senior)
    assert (risk["weight_id"], risk["level"]) == (first.pk, "normal")


def test_risks_are_reported_on_change_and_all_of_them_each_minute(
    scorer: Scorer, redis: Redis, backend: BackendDouble
) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(0.1)])
    assert tick(scorer).reported == 1
    settle(redis)
    assert [tick(scorer).reported for _ in range(3)] == [1, 0, 0]


def test_a_backend_that_is_away_delays_no_emergency_and_hears_the_risk_later(
    scorer: Scorer, redis: Redis, backend: BackendDouble
) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)])
    tick(scorer)
    settle(redis)
    backend.answer = (503, b"{}")
    done = tick(scorer)
    assert (done.emergencies, done.reported) == (1, 0)
    backend.answer = (200, b"{}")
    assert tick(scorer).reported == 1


def test_each_shard_scores_its_own_seniors(redis: Redis, backend: BackendDouble) -> None:
    seniors = [make_senior(str(number)) for number in range(5)]
    scorer = Scorer(redis, ResidentWeights(WeightStore(redis)), backend.client())
    ticks = [scorer.score_shard(shard, 2) for shard in (0, 1)]
    assert sum(done.seniors for done in ticks if done) == 5
    assert sorted(risk["senior_id"] for risk in backend.risks) == sorted(senior.pk for senior in seniors)


def test_a_shard_that_is_being_scored_is_left_alone(scorer: Scorer, redis: Redis) -> None:
    redis.set("score:lease:0", 99)
    assert scorer.score_shard(0, 1) is None


def test_a_senior_without_a_hub_has_no_data(scorer: Scorer, backend: BackendDouble) -> None:
    senior = make_senior(status=None)
    tick(scorer)
    assert risk_of(backend, senior)["reasons"][0]["code"] == "no_hub"


def test_scoring_works_where_nothing_can_be_written(scorer: Scorer, redis: Redis) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)])
    for alias in ("default", "timeseries"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET TRANSACTION READ ONLY")
    tick(scorer)
    settle(redis)
    assert tick(scorer).emergencies == 1


def test_an_event_slightly_ahead_of_our_clock_is_an_ordinary_one(
    scorer: Scorer, redis: Redis, backend: BackendDouble
) -> None:
    senior = make_senior()
    make_live_weights(senior, 2.0)
    sense(senior, [datetime.now(UTC) + timedelta(minutes=4)])
    tick(scorer)
    settle(redis)
    tick(scorer)
    risk = risk_of(backend, senior)
    assert (risk["level"], risk["score"], risk["reasons"][0]["values"]["minutes"]) == ("normal", 0.0, 0)


def test_weights_that_are_refused_are_reported_and_the_last_good_version_scores_on(
    scorer: Scorer, redis: Redis, backend: BackendDouble
) -> None:
    senior = make_senior()
    good = make_live_weights(senior, 2.0)
    sense(senior, [hours_ago(3)])
    tick(scorer)
    settle(redis)
    broken = make_live_weights(senior, 8.0)
    write_object(broken.storage_path, b"cos\nsystem\n(S'true'\ntR.")
    assert tick(scorer).emergencies == 1
    (entry,) = entries(redis)
    assert entry["weight_id"] == good.pk
    told = [body for path, body in backend.calls if path == f"/api/v1/ai/weights/{broken.pk}/problems"]
    assert told == [{"detail": f"23 bytes, {broken.size} were registered"}]
