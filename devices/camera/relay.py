"""The relay process: homes on one event loop, reached over the channel layer, watched by clock and revocations."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from devices import revocation_feed

from . import aiortc_seam
from .check import Checks
from .directory import SAY_EVERY_S, Directory, relay_channel
from .home import Home
from .peers import BadDescription
from .signaling import RelayUnavailable, ViewRequest, channel_layer, send

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = structlog.get_logger(__name__)
RETRY_S = 1.0
TICK_S = 0.5
JUDGE_EVERY_S = 5.0
MOST_FORWARDS = 2


async def run_relay() -> None:
    """Serves until cancelled. Redis away is waited for; what streams then goes on. Raises SeamBroken."""
    aiortc_seam.check_seam()
    aiortc_seam.shield_from_noise()
    aiortc_seam.limit_addresses(settings.RELAY_ADDRESSES)
    relay = Relay()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(relay.announce())
            group.create_task(relay.watch_clock())
            group.create_task(relay.receive())
    finally:
        await relay.close()


class Relay:
    def __init__(self) -> None:
        self.relay_id = uuid.uuid4().hex[:12]
        self.homes: dict[int, Home] = {}
        self.directory = Directory()
        self._checks = Checks()
        self._errands: set[asyncio.Task[None]] = set()

    # -- conversation

    async def receive(self) -> None:
        while True:
            try:
                message = await channel_layer().receive(relay_channel(self.relay_id))
            except (RedisError, OSError) as error:
                log.warning("the relay cannot be reached, Redis is away", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self.take(message)
            except (RelayUnavailable, RedisError, OSError) as error:
                log.warning("a message to the relay is lost, Redis is away", error=str(error))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                log.warning("the relay does not understand", type=ascii(message.get("type")), error=repr(error))

    async def take(self, message: dict[str, Any]) -> None:
        """Hands a message to the home that it is about, here or at the relay that has that home."""
        if message["type"] == "check":
            self._do_soon(self._check(message))
            return
        hub_id = message["hub_id"]
        home = self.homes.get(hub_id)
        if home is None:
            if message["type"] not in ("viewer.request", "hub.publish"):
                return  # about something that is over
            owner = await self.directory.claim(hub_id, self.relay_id)
            if owner != self.relay_id and message.get("forwards", 0) < MOST_FORWARDS:
                await send(relay_channel(owner), {**message, "forwards": message.get("forwards", 0) + 1})
                return
            if hub_id not in self.homes:
                self.homes[hub_id] = Home(hub_id, message["senior_id"])
                revocation_feed.subscribe(self)
            home = self.homes[hub_id]
        errand = self._errand(home, message)
        if errand is None:
            log.warning("the relay does not know this message", type=ascii(message["type"]))
        else:
            home.post(errand)

    async def _check(self, message: dict[str, Any]) -> None:
        """A browser's connection check: no home is touched."""
        try:
            answer = {"sdp": await self._checks.begin(message["sdp"])}
        except BadDescription as error:
            answer = {"problem": str(error)}
        with suppress(RelayUnavailable):
            await send(message["inbox"], {"type": "answered", "about": message["about"], **answer})

    def _do_soon(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _errand(self, home: Home, message: dict[str, Any]) -> Coroutine[Any, Any, None] | None:
        match message["type"]:
            case "viewer.request":
                return home.request(ViewRequest.from_message(message), message["inbox"])
            case "viewer.answer":
                return home.take_answer(message["stream_id"], message["sdp"])
            case "viewer.candidate":
                return home.take_candidate(message["stream_id"], message["candidate"])
            case "viewer.leave":
                return home.leave(message["stream_id"])
            case "viewer.prolong":
                return home.prolong(message["stream_id"], message["about"])
            case "talk.start":
                return home.talk.start(message["stream_id"], message["sdp"], message["about"])
            case "talk.stop":
                return home.talk.stop(message["stream_id"])
            case "hub.offer":
                return home.take_hub_offer(message["stream_id"], message["sdp"], message["prefix"], message["about"])
            case "hub.candidate":
                return home.take_hub_candidate(message["stream_id"], message["candidate"])
            case "hub.talk_ready":
                return home.talk.hub_ready(message["stream_id"], message["sdp"])
            case "hub.error":
                return home.hub_refused(message["about"])
            case "hub.here":
                return home.hub_came_back()
            case "hub.publish":
                return home.publish(message["stream_id"], message["sdp"], message["prefix"], message["inbox"])
            case "hub.unpublish":
                return home.unpublish(message["stream_id"], message["inbox"])
        return None

    # -- time

    async def announce(self) -> None:
        """Says each second that this relay lives and which homes it has, and looks which web processes are gone."""
        while True:
            try:
                for hub_id in await self.directory.announce_relay(self.relay_id, tuple(self.homes)):
                    await self._drop_home(hub_id)
                inboxes = {view.inbox for home in self.homes.values() for view in home.views.values()}
                if dead := await self.directory.dead_inboxes(inboxes):
                    for home in self.homes.values():
                        home.post(home.drop_inboxes(dead))
            except (RedisError, OSError) as error:
                log.warning("the relay cannot be announced, Redis is away", error=str(error))
            await asyncio.sleep(SAY_EVERY_S)

    async def watch_clock(self) -> None:
        since_judged = 0.0
        while True:
            await asyncio.sleep(TICK_S)
            since_judged += TICK_S
            judges = since_judged >= JUDGE_EVERY_S
            for hub_id, home in tuple(self.homes.items()):
                if home.is_idle:
                    await self._drop_home(hub_id, release=True)
                    continue
                home.post(home.tick())
                if judges:
                    home.post(home.judge())
            if judges:
                since_judged = 0.0

    async def _drop_home(self, hub_id: int, *, release: bool = False) -> None:
        home = self.homes.pop(hub_id)
        await home.close()
        if not self.homes:
            revocation_feed.unsubscribe(self)
        if release:
            with suppress(RedisError, OSError):  # it ends by itself in seconds
                await self.directory.release(hub_id)

    # -- revocations

    def credential_revoked(self, kind: str, subject: str) -> None:
        for home in self.homes.values():
            home.post(home.judge(subject if kind == "session" else None))

    def store_went_away(self) -> None:
        """Web processes end their sockets then, and with them the views; the relay waits for the rows."""

    async def close(self) -> None:
        """Tells the web processes by being gone: they ask another relay for what they showed."""
        revocation_feed.unsubscribe(self)
        with suppress(RedisError, OSError):
            await self.directory.withdraw_relay(self.relay_id, tuple(self.homes))
        for home in tuple(self.homes.values()):
            await home.close()
        await self._checks.close()
        await self.directory.close()
