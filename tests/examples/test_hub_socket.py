"""The reference hub keeps its socket, and carries safety checks to the robot and its answers back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from examples import hub as hub_module
from examples.hub import Answer, Hub, HubRefused, SafetyCheck
from tests.examples.conftest import reach

if TYPE_CHECKING:
    from pathlib import Path

    from tests.examples.backend_double import BackendDouble
    from tests.examples.conftest import RunHub

CHECK: dict[str, Any] = {
    "type": "safety_check.request",
    "check_id": 7,
    "prompt": "괜찮으세요?",
    "expires_at": "2026-11-22T08:31:42+09:00",
}


class Robot:
    """Answers when it is told to, and remembers what it was asked."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked: list[SafetyCheck] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, check: SafetyCheck) -> Answer | None:
        self.asked.append(check)
        await self.may_answer.wait()
        return self.answer


async def test_heartbeats_tell_battery_and_robot(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub(status=lambda: (83, False)):
        await reach(lambda: len(backend.said("heartbeat")) >= 3)
    beat = backend.said("heartbeat")[0]
    assert (beat["battery"], beat["robot_online"]) == (83, False)
    assert beat.keys() == {"type", "id", "sent_at", "battery", "robot_online"}


async def test_a_check_is_received_and_then_answered(backend: BackendDouble, run_hub: RunHub) -> None:
    robot = Robot("help")
    async with run_hub(answer=robot):
        await reach(lambda: backend.connects)
        await backend.say(CHECK)
        await reach(lambda: backend.said("safety_check.received"))
        assert not backend.said("safety_check.answer")
        robot.may_answer.set()
        await reach(lambda: backend.said("safety_check.answer"))
    assert backend.said("safety_check.answer")[0]["answer"] == "help"
    assert robot.asked[0].prompt == "괜찮으세요?"


async def test_a_repeated_check_is_received_again_and_asked_once(backend: BackendDouble, run_hub: RunHub) -> None:
    robot = Robot("ok")
    async with run_hub(answer=robot):
        await reach(lambda: backend.connects)
        await backend.say(CHECK)
        await backend.say(CHECK)
        await reach(lambda: len(backend.said("safety_check.received")) == 2)
        robot.may_answer.set()
        await reach(lambda: backend.said("safety_check.answer"))
    assert len(robot.asked) == 1


async def test_an_answer_given_while_the_socket_is_away_is_sent_after_the_reconnect(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    robot = Robot("ok")
    async with run_hub(answer=robot) as hub:
        await reach(lambda: backend.connects)
        await backend.say(CHECK)
        await reach(lambda: robot.asked)
        await backend.close(1012)
        await reach(lambda: hub._socket is None)
        robot.may_answer.set()
        await reach(lambda: backend.said("safety_check.answer"))
    assert backend.connects == 2


async def test_an_answer_that_was_acknowledged_by_a_later_heartbeat_is_not_repeated(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    robot = Robot("ok")
    robot.may_answer.set()
    async with run_hub(answer=robot):
        await reach(lambda: backend.connects)
        await backend.say(CHECK)
        await reach(lambda: backend.said("safety_check.answer"))
        beats = len(backend.said("heartbeat"))
        await reach(lambda: len(backend.said("heartbeat")) >= beats + 2)
        await backend.close(1012)
        await reach(lambda: backend.connects == 2)
        await asyncio.sleep(0.3)
    assert len(backend.said("safety_check.answer")) == 1


async def test_a_robot_that_never_answers_leaves_the_check_open(backend: BackendDouble, run_hub: RunHub) -> None:
    robot = Robot(None)
    robot.may_answer.set()
    async with run_hub(answer=robot):
        await reach(lambda: backend.connects)
        await backend.say(CHECK)
        await reach(lambda: len(backend.said("heartbeat")) >= 3)
    assert backend.said("safety_check.received")
    assert not backend.said("safety_check.answer")


async def test_a_viewer_is_told_that_there_is_no_camera(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub():
        await reach(lambda: backend.connects)
        await backend.say({"type": "stream.start", "id": "s42", "stream_id": "x", "ice_servers": []})
        await reach(lambda: backend.said("error"))
    assert backend.said("error")[0]["about"] == "s42"


async def test_an_unknown_message_is_answered_and_the_socket_stays(backend: BackendDouble, run_hub: RunHub) -> None:
    async with run_hub():
        await reach(lambda: backend.connects)
        await backend.say({"type": "robot.dance", "id": "s9"})
        await reach(lambda: backend.said("error"))
        await reach(lambda: len(backend.said("heartbeat")) >= 3)
    assert backend.said("error")[0]["code"] == "unknown_type"
    assert backend.connects == 1


async def test_errors_of_the_backend_are_logged(
    backend: BackendDouble, run_hub: RunHub, caplog: pytest.LogCaptureFixture
) -> None:
    async with run_hub():
        await reach(lambda: backend.connects)
        await backend.say({"type": "error", "code": "unknown_check", "detail": "no such check", "about": "3"})
        await reach(lambda: "unknown_check" in caplog.text)


@pytest.mark.parametrize("code", [4401, 4403])
async def test_a_dead_credential_stops_the_hub(backend: BackendDouble, tmp_path: Path, code: int) -> None:
    hub = Hub(backend.url, backend.key, tmp_path / "hub.db")
    running = asyncio.create_task(hub.run())
    await reach(lambda: backend.connects)
    await backend.close(code)
    with pytest.raises(HubRefused, match=str(code)):
        await asyncio.wait_for(running, 5)


async def test_a_replaced_hub_waits_before_it_comes_back(
    backend: BackendDouble, run_hub: RunHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub_module.REPLACED_PAUSE_S == 60
    monkeypatch.setattr(hub_module, "REPLACED_PAUSE_S", 2.0)
    async with run_hub():
        await reach(lambda: backend.connects)
        await backend.close(4409)
        await asyncio.sleep(1.8)
        assert backend.connects == 1
        await reach(lambda: backend.connects == 2)


async def test_a_socket_whose_heartbeats_stay_unanswered_is_opened_anew(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    backend.acknowledges = False
    async with run_hub():
        await reach(lambda: backend.connects == 2)
