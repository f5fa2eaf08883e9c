from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now
from psycopg import sql

from devices import hub_link, presence, registration, safety_checks
from devices.api_keys import new_key
from devices.database_threads import in_database_thread
from devices.models import HubKey, IoTHub, SafetyCheck
from tests.devices.sockets import hub_socket, refused_before_accepting
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db(transaction=True)


async def hub_row(hub: IoTHub) -> IoTHub:
    return await in_database_thread(IoTHub.objects.get, pk=hub.pk)


# -- who may come in


async def test_a_live_key_opens_the_socket(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        assert end.subprotocol == "hub.v1"
        assert (await hub_row(hub)).status == "online"


async def test_a_heartbeat_is_answered_with_the_servers_time(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
    told = datetime.fromisoformat(end.acks[0]["server_time"])
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=5)


async def test_without_a_key_the_socket_closes_4401(db: None) -> None:
    async with hub_socket(None) as end:
        assert await end.closed() == 4401


async def test_an_unknown_key_closes_4401(db: None) -> None:
    async with hub_socket(new_key("hub").key) as end:
        assert await end.closed() == 4401


async def test_a_key_of_another_kind_closes_4403(db: None) -> None:
    async with hub_socket(new_key("svc").key) as end:
        assert await end.closed() == 4403


async def test_a_foreign_page_is_refused_before_accepting(hub_key: str) -> None:
    proof = (b"authorization", f"Api-Key {hub_key}".encode())
    assert await refused_before_accepting([proof, (b"origin", b"https://evil.example")])


async def test_a_page_of_ours_is_let_in(hub_key: str) -> None:
    async with hub_socket(hub_key, headers=((b"origin", b"http://localhost:8000"),)) as end:
        await end.beat()


# -- what it may say


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "heartbeat", "id": "1"}'])
async def test_a_malformed_message_is_told_and_survived(hub_key: str, text: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.send_text(text)
        assert (await end.receive("error"))["code"] == "malformed"
        await end.beat()


async def test_a_binary_frame_is_told_and_survived(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.send_bytes(b"\x00\x01")
        assert (await end.receive("error"))["code"] == "malformed"
        await end.beat()


async def test_an_oversized_message_is_told_and_survived(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.send_text("x" * 65_537)
        assert (await end.receive("error"))["code"] == "too_large"
        await end.beat()


async def test_three_malformed_messages_in_a_row_close_4400(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        for _ in range(2):
            await end.send_text("{")
            await end.receive("error")
        await end.beat()  # the row is broken
        for _ in range(3):
            await end.send_text("{")
        assert await end.closed() == 4400


async def test_unknown_types_never_close(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        for _ in range(5):
            message_id = await end.send("dance")
            error = await end.receive("error")
            assert (error["code"], error["about"]) == ("unknown_type", message_id)
        await end.beat()


async def test_a_flood_closes_4429(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        for _ in range(200):
            await end.send("dance")
        assert await end.closed() == 4429


async def test_a_message_about_no_camera_session_is_told(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.send("stream.offer", stream_id="s", sdp="v=0")
        assert (await end.receive("error"))["code"] == "unknown_stream"


async def test_an_error_of_the_hub_is_not_answered(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.send("error", code="no_camera", detail="none", about=None)
        await end.beat()


# -- how it ends


async def test_a_newer_socket_of_the_hub_takes_over(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as old:
        await old.beat()
        async with hub_socket(hub_key) as new:
            assert await old.closed() == 4409
            await new.beat()
        assert (await hub_row(hub)).socket_id == ""


async def test_a_newer_socket_in_another_process_takes_over(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        await in_database_thread(presence.socket_opened, hub.hub_id)
        began = time.monotonic()
        assert await end.closed() == 4409
        assert time.monotonic() - began < 2
    assert (await hub_row(hub)).socket_id != ""


async def test_silence_closes_4408(hub: IoTHub, hub_key: str, settings: Settings) -> None:
    settings.HEARTBEAT_INTERVAL_S = 0.3
    async with hub_socket(hub_key) as end:
        await end.beat()
        assert await end.hears_nothing(0.5)
        assert await end.closed() == 4408


async def test_deregistration_closes_4401_within_a_second(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        await in_database_thread(registration.deregister, hub, None)
        assert await end.closed(within_s=1.0) == 4401
    async with hub_socket(hub_key) as end:
        assert await end.closed() == 4401


async def test_rotation_closes_the_socket_of_the_dead_key_alone(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        rotation = await in_database_thread(registration.rotate_key, hub, 0)
        assert await end.closed(within_s=1.0) == 4401
    async with hub_socket(rotation.key) as end:
        await end.beat()
        await in_database_thread(registration.rotate_key, hub, 3600)
        assert await end.hears_nothing(1.5)
        await end.beat()


async def test_the_end_of_an_overlap_closes_the_old_keys_socket(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        await in_database_thread(registration.rotate_key, hub, 3600)
        ending = HubKey.objects.filter(prefix=hub_key.split(".")[0])
        await in_database_thread(ending.update, expires_at=Now())
        assert await end.closed(within_s=2.0) == 4401


async def test_the_hubs_own_going_is_written(hub: IoTHub, hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        assert (await hub_row(hub)).socket_id != ""
    row = await hub_row(hub)
    assert (row.socket_id, row.status) == ("", "online")


async def test_the_database_away_closes_1012_and_the_hub_comes_back(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        with database_away():
            assert await end.closed() == 1012
            async with hub_socket(hub_key) as early:
                assert await early.closed() == 1012
    async with hub_socket(hub_key) as end:
        await end.beat()


async def test_a_database_that_was_only_restarted_costs_no_socket(hub_key: str) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        with database_away():
            pass
        await end.beat()


@contextmanager
def database_away() -> Iterator[None]:
    """Ends the connections of every thread and lets nobody in meanwhile."""
    here = connection.settings_dict
    login = {"host": here["HOST"], "port": here["PORT"], "user": here["USER"], "password": here["PASSWORD"]}
    name = sql.Identifier(here["NAME"])
    with psycopg.connect(dbname="postgres", autocommit=True, **login) as outside:
        outside.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            outside.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [here["NAME"]])
            yield
        finally:
            outside.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


@pytest.fixture(autouse=True)
def fresh_connection(db: None) -> Iterator[None]:
    """The flush after the test needs a connection that lives."""
    yield
    connection.close()


# -- safety checks


async def test_a_check_reaches_the_hub_and_its_answer_comes_back(senior: Senior, hub_key: str, kim: Staff) -> None:
    async with hub_socket(hub_key) as end:
        await end.beat()
        check = await in_database_thread(safety_checks.request, senior, kim)
        request = await end.receive("safety_check.request", within_s=1.0)
        assert (request["check_id"], request["prompt"]) == (check.check_id, check.prompt)
        assert datetime.fromisoformat(request["expires_at"]) == check.expires_at
        await end.send("safety_check.received", check_id=check.check_id)
        await end.beat()
        assert await status_of(check) == "delivered"
        await end.send("safety_check.answer", check_id=check.check_id, answer="ok")
        await end.beat()
        assert await status_of(check) == "ok"


async def test_a_hub_that_comes_back_is_asked_again_at_once(senior: Senior, hub_key: str, kim: Staff) -> None:
    check = await in_database_thread(safety_checks.request, senior, kim)
    for _ in range(2):
        async with hub_socket(hub_key) as end:
            assert (await end.receive("safety_check.request", 2.0))["check_id"] == check.check_id


async def test_a_check_is_sent_again_until_it_is_received(
    senior: Senior, hub_key: str, kim: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_link, "RESEND_S", 0.7)
    check = await in_database_thread(safety_checks.request, senior, kim)
    async with hub_socket(hub_key) as end:
        for _ in range(2):
            assert (await end.receive("safety_check.request", 2.0))["check_id"] == check.check_id
        await end.send("safety_check.received", check_id=check.check_id)
        assert await end.hears_nothing(1.5)


async def test_an_expired_check_is_not_sent(senior: Senior, hub_key: str, kim: Staff) -> None:
    check = await in_database_thread(safety_checks.request, senior, kim)
    await in_database_thread(SafetyCheck.objects.filter(pk=check.pk).update, expires_at=Now())
    async with hub_socket(hub_key) as end:
        assert await end.hears_nothing(1.0)


async def test_another_hubs_check_is_unknown(hub_key: str) -> None:
    def ask_another() -> SafetyCheck:
        other = make_senior()
        make_hub(other)
        return safety_checks.request(other, None)

    check = await in_database_thread(ask_another)
    async with hub_socket(hub_key) as end:
        message_id = await end.send("safety_check.answer", check_id=check.check_id, answer="ok")
        error = await end.receive("error")
        assert (error["code"], error["about"]) == ("unknown_check", message_id)
    assert await status_of(check) == "requested"


async def status_of(check: SafetyCheck) -> str:
    return (await in_database_thread(SafetyCheck.objects.get, pk=check.pk)).status
