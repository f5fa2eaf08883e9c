from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import OperationalError

from devices import hints
from devices.database_threads import in_database_thread
from monitoring import consumers, staff_queries
from monitoring.staff_feed import feed
from tests.monitoring.emergencies import raised
from tests.monitoring.staff_sockets import log_in, page_of, page_with_cookie

if TYPE_CHECKING:
    from pytest_django import Settings

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(transaction=True)
db = in_database_thread


def is_away(*args: Any) -> Any:
    raise OperationalError("the server closed the connection unexpectedly")


async def test_with_redis_away_alerts_come_from_their_rows_within_a_second(
    senior: Senior, kim: Staff, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    hints._client.cache_clear()
    try:
        async with page_of(kim) as page:
            await db(raised, senior)
            began = time.monotonic()
            await page.receive("emergency.raised")
            assert time.monotonic() - began < 1
    finally:
        hints._client.cache_clear()


async def test_with_the_database_away_sockets_close_1012_and_come_back(
    senior: Senior, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with page_of(kim) as page:
        with monkeypatch.context() as outage:
            outage.setattr(staff_queries, "read_log", is_away)
            assert await page.closed() == 1012
        async with page_of(kim) as again:
            await db(raised, senior)
            await again.receive("emergency.raised")


async def test_with_the_database_away_a_newcomer_is_accepted_and_closed_1012(
    kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await db(log_in, kim)
    monkeypatch.setattr(consumers, "staff_of_session", is_away)
    async with page_with_cookie(f"{settings.SESSION_COOKIE_NAME}={key}") as page:
        assert await page.closed() == 1012


async def test_what_is_said_while_the_database_is_away_closes_1012(kim: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    async with page_of(kim) as page:
        monkeypatch.setattr(consumers, "act_on_visible", is_away)
        await page.send("emergency.acknowledge", log_id=1)
        assert await page.closed() == 1012


async def test_a_feed_that_ended_is_begun_anew_by_the_next_page(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as page:
        running, _ = feed()._tasks
        running.cancel()
        await asyncio.wait([running])
        async with page_of(kim) as another:
            await db(raised, senior)
            await another.receive("emergency.raised")
            await page.receive("emergency.raised")


async def test_a_page_that_takes_nothing_is_closed_4408(kim: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    async def wait_for_ever(*args: Any, **kwargs: Any) -> None:
        await asyncio.Event().wait()

    async with page_of(kim) as page:
        monkeypatch.setattr(consumers, "SEND_WITHIN_S", 0.2)
        monkeypatch.setattr(consumers.StaffConsumer, "send", wait_for_ever)
        await page.send("nonsense")
        assert await page.closed() == 4408
