from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from devices.database_threads import in_database_thread
from monitoring.alerting import receive_delivery, resolve
from monitoring.models import AlertDelivery, Outbox
from monitoring.outbox import stamp_sequence
from monitoring.ownership import acknowledge
from seniors.enrollment import unmap_staff
from tests.factories import make_senior
from tests.monitoring.emergencies import again, raised
from tests.monitoring.staff_sockets import page_of

if TYPE_CHECKING:
    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(transaction=True)
db = in_database_thread


def receive_all() -> None:
    AlertDelivery.objects.update(received_at=Now())


async def test_right_after_hello_comes_each_delivery_not_yet_received(senior: Senior, kim: Staff) -> None:
    def prepare() -> EmergencyLog:
        raised(senior, event_type="sos")
        for delivery in AlertDelivery.objects.all():
            receive_delivery(str(delivery.pk), kim.pk)
        resolve(raised(senior, event_type="fire").pk, kim, "real")
        return raised(senior)

    log = await db(prepare)
    async with page_of(kim) as page:
        alert = await page.receive("emergency.raised")
        assert (alert["emergency"]["log_id"], bool(alert["delivery_id"])) == (log.pk, True)
        assert await page.hears_nothing()


async def test_resume_tells_what_was_missed_in_order_and_then_the_head(senior: Senior, kim: Staff) -> None:
    log = await db(raised, senior)
    async with page_of(kim) as page:
        alert = await page.receive("emergency.raised")
        await page.send("delivery.received", delivery_id=alert["delivery_id"])
        assert await page.hears_nothing(0.3)

    def go_on() -> None:
        acknowledge(log.pk, kim)
        raised(make_senior())
        resolve(log.pk, kim, "real")
        raised(senior, event_type="gas")
        receive_all()

    await db(go_on)
    async with page_of(kim) as page:
        await page.send("resume", last_seq=alert["seq"])
        missed = [await page.receive(kind) for kind in ("emergency.changed", "emergency.changed", "emergency.raised")]
        assert [message["emergency"]["status"] for message in missed] == ["acknowledged", "resolved", "open"]
        resumed = await page.receive("resumed")
        assert alert["seq"] < missed[0]["seq"] < missed[1]["seq"] < missed[2]["seq"] == resumed["head_seq"]
        assert page.hello["head_seq"] == resumed["head_seq"]


async def test_after_resumed_come_the_deliveries_not_yet_received(senior: Senior, kim: Staff) -> None:
    await db(raised, senior)
    async with page_of(kim) as page:
        alert = await page.receive("emergency.raised")
        await page.send("resume", last_seq=alert["seq"])
        await page.receive("resumed")
        assert await page.receive("emergency.raised") == alert


async def test_a_missed_alert_comes_once_and_with_its_number(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as page:
        pass
    await db(raised, senior)
    async with page_of(kim) as page:
        waiting = await page.receive("emergency.raised")
        await page.send("resume", last_seq=waiting["seq"] - 1)
        assert await page.receive("emergency.raised") == waiting
        await page.receive("resumed")
        assert await page.hears_nothing(0.7)


async def test_what_one_may_no_longer_see_is_not_told(senior: Senior, kim: Staff) -> None:
    def prepare() -> None:
        again(raised(senior))
        unmap_staff(kim.pk, senior.pk)

    await db(prepare)
    async with page_of(kim) as page:
        await page.send("resume", last_seq=0)
        assert (await page.receive("resumed"))["head_seq"] == 0


async def test_a_seq_that_never_was_gets_a_fresh_hello(senior: Senior, kim: Staff) -> None:
    def prepare() -> None:
        raised(senior)
        receive_all()

    await db(prepare)
    async with page_of(kim) as page:
        for unknown in (page.hello["head_seq"] + 1, -1, 10**30):
            await page.send("resume", last_seq=unknown)
            fresh = await page.receive("hello")
            assert fresh == page.hello | {"reset": True}


async def test_a_seq_over_24_hours_old_gets_a_fresh_hello(senior: Senior, kim: Staff) -> None:
    def prepare() -> None:
        raised(senior)
        raised(senior, event_type="sos")
        receive_all()

    await db(prepare)
    async with page_of(kim) as page:
        first, second = await db(lambda: list(Outbox.objects.order_by("seq").values_list("seq", flat=True)))
        await db(Outbox.objects.filter(seq=second).update, created_at=Now() - timedelta(hours=24, seconds=1))
        await page.send("resume", last_seq=first)
        assert (await page.receive("hello"))["reset"] is True
        await page.send("resume", last_seq=second)
        assert (await page.receive("resumed"))["head_seq"] == second


async def test_a_seq_whose_followers_are_no_longer_kept_gets_a_fresh_hello(senior: Senior, kim: Staff) -> None:
    def prepare() -> int:
        log = raised(senior)
        again(log)
        again(log)
        receive_all()
        stamp_sequence()
        first, second, _third = (row.seq or 0 for row in Outbox.objects.order_by("seq"))
        Outbox.objects.filter(seq__lte=second).delete()
        return first

    first = await db(prepare)
    async with page_of(kim) as page:
        await page.send("resume", last_seq=first)
        assert (await page.receive("hello"))["reset"] is True
        await page.send("resume", last_seq=first + 1)
        assert (await page.receive("emergency.changed"))["seq"] == first + 2


async def test_after_a_resume_news_come_on(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as page:
        await page.send("resume", last_seq=page.hello["head_seq"])
        resumed = await page.receive("resumed")
        await db(raised, senior)
        assert (await page.receive("emergency.raised"))["seq"] > resumed["head_seq"]
