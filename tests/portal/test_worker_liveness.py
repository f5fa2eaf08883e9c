from __future__ import annotations

import threading

import pytest
from django.conf import settings
from redis import Redis

from portal import worker_liveness
from portal.worker_liveness import DEAF_AFTER_S, Listening, watch


def test_a_worker_that_leaves_tasks_waiting_is_deaf_after_its_time() -> None:
    listening = Listening()
    assert not listening.is_deaf(100.0, waiting=True, busy=False)
    assert not listening.is_deaf(99.9 + DEAF_AFTER_S, waiting=True, busy=False)
    assert listening.is_deaf(100.0 + DEAF_AFTER_S, waiting=True, busy=False)


@pytest.mark.parametrize("between", [{"waiting": False, "busy": False}, {"waiting": True, "busy": True}])
def test_an_empty_queue_or_a_task_under_way_begins_the_time_anew(between: dict[str, bool]) -> None:
    listening = Listening()
    assert not listening.is_deaf(100.0, waiting=True, busy=False)
    assert not listening.is_deaf(110.0, **between)
    assert not listening.is_deaf(100.0 + DEAF_AFTER_S, waiting=True, busy=False)


def test_the_watch_ends_a_worker_beside_whose_queue_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_liveness, "LOOK_S", 0.05)
    monkeypatch.setattr(worker_liveness, "DEAF_AFTER_S", 0.2)
    ended = threading.Event()
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.lpush("nobody-listens", "a task")
        try:
            threading.Thread(target=watch, args=(["nobody-listens"], ended.set), daemon=True).start()
            assert ended.wait(20)
        finally:
            redis.delete("nobody-listens")
