"""Homes that press, people who watch and take, and an AI worker that finds silence: outside, in a process of their own.

    python -m tests.chaos.alarm_clients --journal FILE

The first line of standard input says who and where; each further one `{"cut": person, "seconds": 25}` pulls that
person's cable for so long. When standard input ends nothing more is raised; what is open is taken and resolved, and the
process ends.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import redis.asyncio
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Origin

from tests.chaos.alarm_journal import AlarmJournal
from tests.chaos.stalling_proxy import StallingProxy

AGAIN_S = 0.2  # a hub, a page and a person try again
REPEAT_S = 5.0  # an AI worker says again what lasts (each 60 s in the product)
SIGN_OF_LIFE_S = 30.0
DEAF_AFTER_S = 20.0
SETTLED_WITHIN_S = 300.0
SENT_TWICE = 0.2  # of the presses, though they were answered
AWAY = (httpx.TransportError, OSError, WebSocketException, TimeoutError)


class Stage:
    """What all actors share: where the backend is, the journal, and which emergency is known to be over."""

    def __init__(self, cast: dict[str, Any], journal: AlarmJournal) -> None:
        self.url: str = cast["url"]
        self.redis_url: str = cast["redis_url"]
        self.patience: dict[str, float] = cast["patience"]  # senior_id -> seconds until somebody takes it; else short
        self.journal = journal
        self.chance = random.Random(cast["seed"])
        self.is_raising = True
        self._over: dict[tuple[int, str], asyncio.Event] = {}  # (senior_id, event_type) -> it was resolved
        self.people: list[Person] = []
        self._handled: dict[int, asyncio.Task[None]] = {}

    def hear(self, emergency: dict[str, Any]) -> None:
        """An emergency that somebody was told of is somebody's to take, some time."""
        if emergency["status"] != "resolved" and emergency["log_id"] not in self._handled:
            self._handled[emergency["log_id"]] = asyncio.create_task(self._handle(**emergency))

    def over(self, senior_id: int, event_type: str) -> asyncio.Event:
        return self._over.setdefault((senior_id, event_type), asyncio.Event())

    async def settle(self) -> None:
        while any(not task.done() for task in self._handled.values()):
            await asyncio.sleep(0.5)
        for task in self._handled.values():
            task.result()

    async def _handle(self, log_id: int, senior_id: int, event_type: str, status: str) -> None:
        patience = self.patience.get(str(senior_id))
        until = time.monotonic() + (self.chance.uniform(0.3, 4.0) if patience is None else patience)
        while time.monotonic() < until and self.is_raising:  # at the end nobody waits for long
            await asyncio.sleep(0.1)
        takers = self.people[:2]
        self.chance.shuffle(takers)
        await takers[0].take(log_id)
        if self.chance.random() < 0.2:  # two at once, or nearly
            await takers[1].take(log_id)
        await asyncio.sleep(self.chance.uniform(0.2, 1.5))
        await takers[0].resolve(log_id)
        await self.journal.note("resolved", log_id=log_id, senior_id=senior_id)
        self.over(senior_id, event_type).set()


class Person:
    """A caseworker or supervisor with one page open, which resumes where it was."""

    def __init__(self, stage: Stage, email: str, password: str) -> None:
        self.stage, self.name = stage, email.partition("@")[0]
        self._account = {"email": email, "password": password}
        self._http = httpx.AsyncClient(base_url=stage.url, timeout=10)
        self._connection, self._last_seq = 0, -1
        self.cable = StallingProxy(int(stage.url.rpartition(":")[2]))

    async def watch(self) -> None:
        """For ever: a page that is cut off comes back."""
        await self.cable.start()
        while True:
            with suppress(*AWAY, InvalidHandshake):
                await self._log_in()
                await self._sit_at_page()
            await asyncio.sleep(AGAIN_S)

    async def take(self, log_id: int) -> None:
        await self.stage.journal.note("taking", person=self.name, log_id=log_id)
        await self._insist(f"/api/v1/emergencies/{log_id}/acknowledge", {}, {200, 409})
        await self.stage.journal.note("took", person=self.name, log_id=log_id)

    async def resolve(self, log_id: int) -> None:
        await self._insist(f"/api/v1/emergencies/{log_id}/resolve", {"outcome": "false_alarm"}, {200})

    async def _log_in(self) -> None:
        if "csrftoken" in self._http.cookies and (await self._http.get("/api/v1/auth/me")).status_code == 200:
            return
        answer = await self._http.post("/api/v1/auth/login", json=self._account)
        if answer.status_code != 200:
            raise OSError(f"log-in: {answer.status_code}")

    async def _insist(self, path: str, body: Any, wanted: set[int]) -> None:
        """A person presses until it was done."""
        while True:
            with suppress(*AWAY):
                headers = {"X-CSRFToken": self._http.cookies.get("csrftoken") or ""}
                answer = await self._http.post(path, json=body, headers=headers)
                if answer.status_code in wanted:
                    return
                if answer.status_code in {401, 403}:
                    await self._log_in()
                elif answer.status_code < 500:
                    raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
            await asyncio.sleep(AGAIN_S)

    async def _sit_at_page(self) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        url = self.stage.url.replace("http", "ws") + "/ws/staff/"
        async with connect(
            url,
            origin=Origin(self.stage.url),
            additional_headers={"Cookie": cookies},
            host="127.0.0.1",
            port=self.cable.port,
            open_timeout=5,
            close_timeout=1,
            ping_interval=None,  # a browser sends none
        ) as socket:
            self._connection += 1
            me = {"person": self.name, "connection": self._connection}
            await self.stage.journal.note("connected", **me)
            try:
                await self._read(socket, me)
            finally:
                await self.stage.journal.note("lost", **me)

    async def _read(self, socket: ClientConnection, me: dict[str, Any]) -> None:
        while True:
            async with asyncio.timeout(DEAF_AFTER_S):
                text = await socket.recv()
            at, message = time.time(), json.loads(text)
            kind = message["type"]
            if kind == "hello":
                for emergency in message["emergencies"]:
                    await self._tell(at, me, "hello", message["head_seq"], None, emergency)
                if self._last_seq >= 0 and not message.get("reset"):
                    await socket.send(json.dumps({"type": "resume", "last_seq": self._last_seq}))
                else:
                    self._last_seq = message["head_seq"]
            elif kind == "resumed":
                self._last_seq = max(self._last_seq, message["head_seq"])
                await self.stage.journal.note_at(at, "caught_up", **me)
            elif kind in {"emergency.raised", "emergency.changed"}:
                delivery_id = message.get("delivery_id")
                await self._tell(at, me, kind, message["seq"], delivery_id, message["emergency"])
                self._last_seq = max(self._last_seq, message["seq"])
                if delivery_id:  # after the note: what was confirmed was seen
                    await socket.send(json.dumps({"type": "delivery.received", "delivery_id": delivery_id}))

    async def _tell(
        self, at: float, me: dict[str, Any], kind: str, seq: int, delivery_id: str | None, emergency: dict[str, Any]
    ) -> None:
        about = {name: emergency[name] for name in ("log_id", "senior_id", "event_type", "status")}
        await self.stage.journal.note_at(at, "told", **me, type=kind, seq=seq, delivery_id=delivery_id, **about)
        self.stage.hear(about)


async def press_again_and_again(stage: Stage, home: dict[str, Any]) -> None:
    """One home: presses, waits until the emergency is over, and presses again."""
    senior_id, hub_id = home["senior_id"], home["hub_id"]
    over = stage.over(senior_id, "sos")
    headers = {"Authorization": f"Api-Key {home['api_key']}"}
    async with httpx.AsyncClient(base_url=stage.url, headers=headers, timeout=10) as http:
        while stage.is_raising:
            over.clear()
            moment = datetime.now(UTC)
            event = {"sensor_id": "button", "event_content": "sos", "sensor_value": True}
            body = {"events": [event | {"timestamp": moment.isoformat()}]}
            source = f"panic:{hub_id}:sos:button:{moment.isoformat()}"
            await stage.journal.note("press", senior_id=senior_id, source=source)
            await post_until_kept(http, body)
            await stage.journal.note("kept", source=source)
            if stage.chance.random() < SENT_TWICE:
                await post_until_kept(http, body)
            await over.wait()
            await pause(stage, stage.chance.uniform(0.5, 6.0))


async def show_signs_of_life(stage: Stage, home: dict[str, Any]) -> None:
    """A hub that keeps no socket posts at least each minute."""
    headers = {"Authorization": f"Api-Key {home['api_key']}"}
    async with httpx.AsyncClient(base_url=stage.url, headers=headers, timeout=10) as http:
        while True:
            await post_until_kept(http, {"events": []})
            await asyncio.sleep(SIGN_OF_LIFE_S)


async def post_until_kept(http: httpx.AsyncClient, body: Any) -> None:
    while True:
        with suppress(*AWAY):
            answer = await http.post("/api/v1/hub/events", json=body)
            if answer.status_code == 200:
                return
            if answer.status_code not in {429, 503}:
                raise AssertionError(f"a hub was answered {answer.status_code} {answer.text}")
        await asyncio.sleep(AGAIN_S)


async def find_silence_again_and_again(stage: Stage, senior_id: int) -> None:
    """What an AI worker does about one silent home: it publishes the episode while it lasts, and never hears back."""
    over = stage.over(senior_id, "inactivity")
    while stage.is_raising:
        over.clear()
        start = datetime.now(UTC).isoformat()
        source = f"{senior_id}:inactivity:{start}:1"
        await stage.journal.note("publish", senior_id=senior_id, source=source)
        for number in itertools.count():
            entry = {
                "message_id": f"{source}#{number}", "senior_id": senior_id, "event_type": "inactivity",
                "episode": source, "severity": "high", "description": "42분째 움직임 없음",
                "occurred_at": start, "detected_at": datetime.now(UTC).isoformat(), "weight_id": None,
            }  # fmt: skip
            with suppress(RedisError, OSError):
                async with redis.asyncio.Redis.from_url(stage.redis_url, socket_timeout=3) as client:
                    await client.xadd("emergencies", {"json": json.dumps(entry)})
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), REPEAT_S)
                break
        await pause(stage, stage.chance.uniform(0.5, 6.0))


async def pause(stage: Stage, seconds: float) -> None:
    until = time.monotonic() + seconds
    while stage.is_raising and time.monotonic() < until:
        await asyncio.sleep(0.1)


async def play(cast: dict[str, Any], commands: asyncio.StreamReader, journal: AlarmJournal) -> None:
    stage = Stage(cast, journal)
    stage.people = [Person(stage, **account) for account in cast["people"]]
    always = [asyncio.create_task(person.watch()) for person in stage.people]
    always += [asyncio.create_task(show_signs_of_life(stage, home)) for home in cast["homes"]]
    raising = [asyncio.create_task(press_again_and_again(stage, home)) for home in cast["homes"]]
    raising += [asyncio.create_task(find_silence_again_and_again(stage, senior_id)) for senior_id in cast["silent"]]
    obeying = asyncio.create_task(obey(stage, commands))
    await asyncio.wait([obeying, *always, *raising], return_when=asyncio.FIRST_COMPLETED)
    stage.is_raising = False
    await journal.note("raising_ends")
    try:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            await asyncio.gather(*raising)
            await stage.settle()
    finally:
        for task in always:
            task.cancel()
    for outcome in await asyncio.gather(obeying, *always, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def obey(stage: Stage, commands: asyncio.StreamReader) -> None:
    """Until there are no more commands."""
    cables = {person.name: person.cable for person in stage.people}
    async with asyncio.TaskGroup() as pulled:
        while line := await commands.readline():
            command = json.loads(line)
            pulled.create_task(cables[command["cut"]].stall(command["seconds"]))


async def perform(path: Path) -> None:
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    cast = json.loads(await commands.readline())
    journal = AlarmJournal(path)
    try:
        await play(cast, commands, journal)
    finally:
        journal.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--journal", type=Path, required=True)
    asyncio.run(perform(parser.parse_args().journal))


if __name__ == "__main__":
    main()
