from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client

from devices import presence
from devices.database_threads import in_database_thread
from monitoring import staff_feed
from monitoring.alerting import raise_emergency, resolve
from monitoring.models import AlertDelivery, EmergencyLog
from monitoring.notification.models import DeliveryReceipt
from monitoring.outbox import announce
from monitoring.ownership import acknowledge
from seniors.enrollment import map_staff, unmap_staff
from seniors.models import Staff
from seniors.revocations import revoke_staff
from tests.factories import make_senior
from tests.monitoring.emergencies import again, cause, raised
from tests.monitoring.staff_sockets import connect, log_in, page_of, page_with_cookie

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior

pytestmark = pytest.mark.django_db(transaction=True)
db = in_database_thread


# -- who may come in


async def test_hello_tells_every_unresolved_emergency_that_one_may_see(senior: Senior, kim: Staff, park: Staff) -> None:
    def prepare() -> tuple[EmergencyLog, EmergencyLog]:
        theirs, other = raised(senior), raised(make_senior())
        acknowledge(theirs.pk, kim)
        resolve(raised(senior, event_type="sos").pk, kim, "real")
        return theirs, other

    theirs, other = await db(prepare)
    async with page_of(kim) as page:
        (shown,) = page.hello["emergencies"]
        assert (shown["log_id"], shown["status"], shown["acknowledged_by"]) == (theirs.pk, "acknowledged", kim.pk)
    async with page_of(park) as page:
        assert [shown["log_id"] for shown in page.hello["emergencies"]] == [theirs.pk, other.pk]
        assert page.hello["head_seq"] > 0
        assert "reset" not in page.hello


async def test_without_a_session_it_is_accepted_and_closed_4401(kim: Staff) -> None:
    for cookie in ("", f"{settings.SESSION_COOKIE_NAME}=unknown", "other=1"):
        async with page_with_cookie(cookie) as page:
            assert await page.closed() == 4401


async def test_an_inactive_person_is_closed_4401(kim: Staff) -> None:
    key = await db(log_in, kim)
    await db(Staff.objects.filter(pk=kim.pk).update, is_active=False)
    async with page_with_cookie(f"{settings.SESSION_COOKIE_NAME}={key}") as page:
        assert await page.closed() == 4401


async def test_other_sites_cookies_do_not_hide_the_session(kim: Staff) -> None:
    key = await db(log_in, kim)
    async with page_with_cookie(f'theme={{"dark": [1]}}; a b=c; {settings.SESSION_COOKIE_NAME}={key}') as page:
        await page.receive("hello")


async def test_a_foreign_page_is_refused_before_accepting(kim: Staff) -> None:
    key = await db(log_in, kim)
    socket = connect(f"{settings.SESSION_COOKIE_NAME}={key}", (b"origin", b"https://evil.example"))
    accepted, _ = await socket.connect(5)
    assert not accepted


# -- alerts


async def test_an_alert_has_a_delivery_for_the_caseworker_and_none_for_the_supervisor(
    senior: Senior, kim: Staff, park: Staff
) -> None:
    async with page_of(kim) as page, page_of(park) as desk:
        began = time.monotonic()
        log = await db(raised, senior)
        alert, news = await page.receive("emergency.raised"), await desk.receive("emergency.raised")
        assert time.monotonic() - began < 2
    delivery = await db(AlertDelivery.objects.get)
    assert alert["delivery_id"] == str(delivery.delivery_id)
    assert "delivery_id" not in news
    assert alert["seq"] == news["seq"]
    assert alert["emergency"] == news["emergency"]
    assert set(alert["emergency"]) == {
        "log_id", "senior_id", "event_type", "severity", "description", "occurred_at", "detected_at", "status",
        "repeats", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by", "outcome", "test",
    }  # fmt: skip
    assert (alert["emergency"]["log_id"], alert["emergency"]["senior_id"]) == (log.pk, senior.pk)


async def test_a_guardian_hears_what_happened_without_names_and_words(
    senior: Senior, kim: Staff, guardian: Staff
) -> None:
    def prepare() -> None:
        acknowledge(raised(senior, event_type="sos").pk, kim)

    await db(prepare)
    hidden = {"description", "acknowledged_by", "resolved_by"}
    async with page_of(guardian) as page:
        assert not hidden & set(page.hello["emergencies"][0])
        await db(raised, senior)
        news = await page.receive("emergency.raised")
        assert not hidden & set(news["emergency"])
        assert "delivery_id" not in news


async def test_nobody_else_hears_of_it(senior: Senior, kim: Staff, lee: Staff) -> None:
    async with page_of(lee) as page:
        await db(raised, senior)
        assert await page.hears_nothing()


async def test_numbers_rise_and_later_messages_are_changes(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as page:
        log = await db(raised, senior)
        first = await page.receive("emergency.raised")
        await db(again, log)
        await db(acknowledge, log.pk, kim)
        changes = [await page.receive("emergency.changed") for _ in range(2)]
        assert first["seq"] < changes[0]["seq"] < changes[1]["seq"]
        assert [change["emergency"]["status"] for change in changes] == ["open", "acknowledged"]
        assert all("delivery_id" not in change for change in changes)


async def test_the_first_a_stranger_hears_by_an_escalation_is_raised(senior: Senior, kim: Staff, lee: Staff) -> None:
    log = await db(raised, senior)
    async with page_of(lee) as page:
        await db(lambda: announce(log, "changed", alert=[lee], reason="escalated"))
        assert (await page.receive("emergency.raised"))["delivery_id"]


async def test_a_delivery_is_received_once_shown(senior: Senior, kim: Staff, lee: Staff) -> None:
    async with page_of(kim) as page, page_of(lee) as other:
        await db(raised, senior)
        delivery_id = (await page.receive("emergency.raised"))["delivery_id"]
        await other.send("delivery.received", delivery_id=delivery_id)  # not theirs
        assert await other.hears_nothing(0.3)
        assert (await db(AlertDelivery.objects.get)).received_at is None
        await page.send("delivery.received", delivery_id=delivery_id)
        assert await page.hears_nothing(0.3)
    assert (await db(AlertDelivery.objects.get)).received_at is not None


async def test_each_device_of_a_person_leaves_its_own_receipt(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as desk, page_of(kim) as phone:
        await db(raised, senior)
        for page in (desk, phone):
            delivery_id = (await page.receive("emergency.raised"))["delivery_id"]
            for _again in range(2):
                await page.send("delivery.received", delivery_id=delivery_id)
            assert await page.hears_nothing(0.3)
    devices = await db(lambda: list(DeliveryReceipt.objects.values_list("device", flat=True)))
    assert len(set(devices)) == len(devices) == 2


async def test_a_delivery_not_received_is_sent_again_at_5_and_15_s(
    senior: Senior, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert staff_feed.RESENDS_S == (5.0, 15.0)
    monkeypatch.setattr(staff_feed, "RESENDS_S", (0.5, 1.5))
    async with page_of(kim) as page:
        await db(raised, senior)
        first = await page.receive("emergency.raised")
        began = time.monotonic()
        assert await page.receive("emergency.raised") == first
        assert 0.4 < time.monotonic() - began < 1.3
        assert await page.receive("emergency.raised") == first
        assert await page.hears_nothing()


async def test_receipt_by_another_page_of_the_person_stops_the_resends(
    senior: Senior, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_feed, "RESENDS_S", (0.7, 0.9))
    async with page_of(kim) as one, page_of(kim) as other:
        await db(raised, senior)
        alert = await one.receive("emergency.raised")
        await other.receive("emergency.raised")
        await one.send("delivery.received", delivery_id=alert["delivery_id"])
        assert await other.hears_nothing(1.3)


async def test_who_lost_the_mapping_hears_nothing_more_not_even_a_resend(
    senior: Senior, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_feed, "RESENDS_S", (0.7, 0.9))
    async with page_of(kim) as page:
        log = await db(raised, senior)
        await page.receive("emergency.raised")
        await db(unmap_staff, kim.pk, senior.pk)
        await db(again, log)
        assert await page.hears_nothing(1.3)
    async with page_of(kim) as page:
        assert page.hello["emergencies"] == []
        assert await page.hears_nothing(0.7)


async def test_who_was_mapped_hears_from_then_on(senior: Senior, lee: Staff) -> None:
    log = await db(raised, senior)
    async with page_of(lee) as page:
        await db(map_staff, lee, senior)
        await db(again, log)
        first = await page.receive("emergency.raised")  # of this person's messages about it
        assert first["emergency"]["repeats"] == 1
        assert "delivery_id" not in first
        await db(again, log)
        assert (await page.receive("emergency.changed"))["emergency"]["repeats"] == 2


async def test_who_is_mapped_in_the_middle_of_an_emergency_is_told_of_it_with_the_next_pulse(
    senior: Senior, lee: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_feed, "PULSE_S", 0.3)
    log = await db(raised, senior)
    async with page_of(lee) as page:
        head = page.hello["head_seq"]
        assert await page.receive("pulse")
        await db(map_staff, lee, senior)
        told = await page.receive("emergency.raised")
        assert (told["emergency"]["log_id"], told["seq"] > head) == (log.pk, True)
        assert (await page.receive("pulse"))["head_seq"] == told["seq"]
        assert (await page.receive("pulse"))["head_seq"] == told["seq"]  # once


async def test_the_pulse_tells_the_head_that_concerns_one(
    senior: Senior, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert staff_feed.PULSE_S == 10
    monkeypatch.setattr(staff_feed, "PULSE_S", 0.1)
    async with page_of(kim) as page:
        head = (await page.receive("pulse"))["head_seq"]
        assert head == page.hello["head_seq"]
        await db(lambda: raised(make_senior()))
        pulse = await page.receive("pulse")
        assert pulse["head_seq"] == head
        assert pulse["server_time"]


async def test_the_state_of_a_hub_is_told(senior: Senior, kim: Staff, guardian: Staff, hub: IoTHub) -> None:
    async with page_of(kim) as page, page_of(guardian) as family:
        await page.receive("hub.changed")  # registered a moment ago
        await db(presence.mark_post, hub.pk)
        told = await page.receive("hub.changed")
        assert (told["hub_id"], told["senior_id"], told["status"]) == (hub.pk, senior.pk, "online")
        assert told["last_seen_at"]
        assert await family.hears_nothing(0.7)


# -- what a page may say


async def test_an_emergency_is_acknowledged_over_the_socket(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as page:
        log = await db(raised, senior)
        await page.receive("emergency.raised")
        await page.send("emergency.acknowledge", log_id=log.pk)
        told = (await page.receive("emergency.changed"))["emergency"]
        assert (told["status"], told["acknowledged_by"]) == ("acknowledged", kim.pk)


async def error_after(page: Any, kind: str, **fields: Any) -> tuple[str, Any]:
    await page.send(kind, **fields)
    error = await page.receive("error")
    assert error["detail"]
    return error["code"], error["about"]


async def test_what_cannot_be_acknowledged_is_an_error_and_the_socket_stays(
    senior: Senior, kim: Staff, guardian: Staff
) -> None:
    def prepare() -> tuple[EmergencyLog, EmergencyLog, EmergencyLog]:
        over = resolve(raised(senior).pk, kim, "real")
        return over, raised(make_senior()), raised(senior)

    over, others, theirs = await db(prepare)
    async with page_of(guardian) as page:
        assert await error_after(page, "emergency.acknowledge", log_id=theirs.pk) == ("forbidden", None)
    async with page_of(kim) as page:
        await page.receive("emergency.raised")  # what no page has shown yet
        assert await error_after(page, "emergency.acknowledge", id="7", log_id=over.pk) == ("already_resolved", "7")
        for unknown in (others.pk, 10**30):
            assert await error_after(page, "emergency.acknowledge", log_id=unknown) == ("not_found", None)
        assert await error_after(page, "emergency.acknowledge", id="8", log_id="1") == ("malformed", "8")
        assert await error_after(page, "nonsense", id="9") == ("unknown_type", "9")


async def test_three_malformed_messages_in_a_row_close_4400(kim: Staff) -> None:
    async with page_of(kim) as page:
        for text in ("{", '{"type": 5}', '{"type": "delivery.received", "delivery_id": "x"}'):
            await page.send_text(text)
        assert await page.closed() == 4400


async def test_two_malformed_messages_are_forgiven_by_a_good_one(kim: Staff) -> None:
    async with page_of(kim) as page:
        for text in ("{", "[]", '{"type": "error", "code": "x"}', "{", "nul", '{"type": "resume", "last_seq": 0}', "{"):
            await page.send_text(text)
        heard = [(await page.receive(kind))["type"] for kind in ["error"] * 4 + ["resumed", "error"]]
        assert heard[-1] == "error"


# -- the end of a session


async def test_logging_out_closes_the_socket_within_a_second(kim: Staff) -> None:
    key = await db(log_in, kim)

    def log_out() -> int:
        client = Client(enforce_csrf_checks=True)
        client.cookies[settings.SESSION_COOKIE_NAME] = key
        token = client.get("/api/v1/auth/me").cookies["csrftoken"].value
        return client.post(
            "/api/v1/auth/logout", content_type="application/json", headers={"X-CSRFToken": token}
        ).status_code

    async with page_of(kim, key) as page, page_of(kim) as elsewhere:
        assert await db(log_out) == 204
        began = time.monotonic()
        assert await page.closed() == 4401
        assert time.monotonic() - began < 1
        assert await elsewhere.hears_nothing(0.6)


async def test_who_was_deactivated_or_lost_a_role_is_closed_within_a_second(kim: Staff) -> None:
    async with page_of(kim) as page:
        await db(revoke_staff, kim.pk)
        assert await page.closed(1) == 4401


async def test_a_deactivated_person_hears_nothing_more_even_unrevoked(senior: Senior, kim: Staff) -> None:
    async with page_of(kim) as page:
        await db(Staff.objects.filter(pk=kim.pk).update, is_active=False)
        await db(raise_emergency, cause(senior))
        assert await page.hears_nothing()


async def test_a_page_that_confirms_nothing_is_sent_again_only_the_latest_alerts(
    senior: Senior, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staff_feed, "MAX_UNRECEIVED", 2)
    monkeypatch.setattr(staff_feed, "RESENDS_S", (1.0,))
    kinds = ("sos", "fire", "gas")
    async with page_of(kim) as page:
        for kind in kinds:
            await db(raised, senior, event_type=kind)
        told = [(await page.receive("emergency.raised"))["delivery_id"] for _ in kinds]
        again = [(await page.receive("emergency.raised"))["delivery_id"] for _ in kinds[1:]]
    assert again == told[1:]
