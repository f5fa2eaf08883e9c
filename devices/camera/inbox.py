"""A web process's end of the conversation with relays: one channel, dealt out in memory to viewers and hub sockets.

A socket that received from the channel layer itself would end with every outage of Redis; these tasks just try again.
Views whose relay is gone are asked for again at another one, with the time that they have left.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import msgspec
import structlog
from redis.exceptions import RedisError

from devices import hub_protocol as protocol
from devices.hub_link import link

from .directory import SAY_EVERY_S, Directory, relay_channel
from .session import TIME_LIMIT_S
from .signaling import HUBS_GROUP, RelayUnavailable, ViewRequest, channel_layer, send

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

log = structlog.get_logger(__name__)
RETRY_S = 1.0
JOIN_EVERY_S = 20.0
ANSWER_WITHIN_S = 10.0
WITHOUT_RELAY_S = 15.0


class StreamListener(Protocol):
    """Who shows a view. Called on the event loop; must not block."""

    def stream_said(self, message: dict[str, Any]) -> None:
        """A message of the staff socket's contract; after `stream.ended` there is none more."""

    def stream_ended(self, stream_id: str, reason: str) -> None:
        """Beside `stream.ended`, whose `stream_id` is null before the offer."""

    def stream_live(self, stream_id: str) -> None:
        """The viewer's connection is up: from now on the picture is seen."""


@dataclass
class OpenView:
    request: ViewRequest
    listener: StreamListener
    relay_id: str
    live_since: float | None = None
    lost_since: float | None = None

    def seconds_left(self) -> float | None:
        left = self.request.seconds_left
        if self.live_since is None:
            return left
        return max(1.0, (TIME_LIMIT_S if left is None else left) - (time.monotonic() - self.live_since))


class CameraInbox:
    def __init__(self) -> None:
        self._views: dict[str, OpenView] = {}
        self._cameras: dict[str, tuple[int, str]] = {}
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._directory = Directory()
        self._channel = f"camera-inbox.{uuid.uuid4().hex}"
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[None]] = set()

    def _start(self) -> None:
        if not self._tasks or any(task.done() for task in self._tasks):
            for task in self._tasks:
                task.cancel()
            self._tasks = [
                asyncio.create_task(self._receive(), name="camera inbox"),
                asyncio.create_task(self._keep_known(), name="camera inbox is there"),
            ]

    # -- viewers

    async def ask(self, request: ViewRequest, listener: StreamListener) -> None:
        """Asks for a home's camera. Who may look is judged before. Raises RelayUnavailable."""
        self._start()
        try:
            await self._directory.announce_inbox(self._channel)
            relay_id = await self._directory.find_relay(request.hub_id)
        except (RedisError, OSError) as error:
            raise RelayUnavailable(str(error)) from error
        if relay_id is None:
            raise RelayUnavailable("no camera relay runs")
        self._views[request.stream_id] = OpenView(request, listener, relay_id)
        try:
            await send(relay_channel(relay_id), request.to_message(self._channel))
        except RelayUnavailable:
            self._views.pop(request.stream_id, None)
            raise

    def has(self, stream_id: str) -> bool:
        return stream_id in self._views

    async def say(self, stream_id: str, kind: str, **fields: Any) -> None:
        """Passes on what a viewer says about its own stream. Raises RelayUnavailable, KeyError for no such stream."""
        view = self._views[stream_id]
        message = {"type": kind, "hub_id": view.request.hub_id, "stream_id": stream_id, **fields}
        await send(relay_channel(view.relay_id), message)

    def leave(self, stream_id: str) -> None:
        """The viewer is gone: the relay is told, as often as it takes."""
        view = self._views.pop(stream_id, None)
        if view is not None:
            self._do_soon(self._tell_until_heard(view))

    async def _tell_until_heard(self, view: OpenView) -> None:
        message = {"type": "viewer.leave", "hub_id": view.request.hub_id, "stream_id": view.request.stream_id}
        for _ in range(30):
            try:
                await send(relay_channel(view.relay_id), message)
                return
            except RelayUnavailable:
                await asyncio.sleep(RETRY_S)

    async def exchange(self, hub_id: int, about: str, message: dict[str, Any]) -> dict[str, Any]:
        """One question with an answer: `{"sdp"}` or `{"problem"}`, by the id `about`. Raises RelayUnavailable."""
        self._start()
        try:
            await self._directory.announce_inbox(self._channel)
            relay_id = await self._directory.find_relay(hub_id)
        except (RedisError, OSError) as error:
            raise RelayUnavailable(str(error)) from error
        if relay_id is None:
            raise RelayUnavailable("no camera relay runs")
        with self.expecting(about) as answer:
            await send(relay_channel(relay_id), {**message, "hub_id": hub_id, "inbox": self._channel})
            return await in_time(answer)

    @contextmanager
    def expecting(self, about: str) -> Iterator[asyncio.Future[dict[str, Any]]]:
        """What a relay will answer by `about`: begun before it is asked, as it may answer first."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[about] = answer
        try:
            yield answer
        finally:
            del self._answers[about]

    async def leave_home(self, hub_id: int, stream_id: str) -> None:
        """Ends a view that another web process may have begun."""
        await self._to_owner(hub_id, {"type": "viewer.leave", "stream_id": stream_id})

    async def add_candidate(self, hub_id: int, kind: str, stream_id: str, candidate: dict[str, Any] | None) -> bool:
        """`kind` is `viewer.candidate` or `hub.candidate`; False when no relay has that home."""
        return await self._to_owner(hub_id, {"type": kind, "stream_id": stream_id, "candidate": candidate})

    # -- hubs

    def hub_came(self, hub_id: int) -> None:
        """A hub's socket is here now; a relay that shows its camera asks for it anew."""
        self._do_soon(self._announce_hub(hub_id))

    async def _announce_hub(self, hub_id: int) -> None:
        try:
            self._start()
            owner = await self._directory.owner(hub_id)
            if owner is not None:
                await send(relay_channel(owner), {"type": "hub.here", "hub_id": hub_id})
        except (RelayUnavailable, RedisError, OSError) as error:
            log.info("no relay hears of a hub, Redis is away", hub_id=hub_id, error=str(error))

    async def hear_hub(self, hub_id: int, prefix: str, message: protocol.HubMessage) -> bool:
        """Passes a hub's word on its camera on; False when it is about no session of that hub.

        `prefix` names the key of its socket. A relay that cannot be reached is passed over: the viewer waits in vain.
        """
        match message:
            case protocol.StreamOffer():
                fields: dict[str, Any] = {"type": "hub.offer", "sdp": message.sdp, "about": message.id}
                fields["prefix"] = prefix
            case protocol.StreamCandidate():
                candidate = msgspec.to_builtins(message.candidate) if message.candidate else None
                fields = {"type": "hub.candidate", "candidate": candidate}
            case protocol.TalkReady():
                fields = {"type": "hub.talk_ready", "sdp": message.sdp}
            case _:
                return False
        return await self._to_owner(hub_id, {**fields, "stream_id": message.stream_id})

    async def hear_hub_error(self, hub_id: int, about: str) -> None:
        await self._to_owner(hub_id, {"type": "hub.error", "about": about})

    async def _to_owner(self, hub_id: int, message: dict[str, Any]) -> bool:
        try:
            owner = await self._directory.owner(hub_id)
            if owner is None:
                return False
            await send(relay_channel(owner), {**message, "hub_id": hub_id})
        except (RelayUnavailable, RedisError, OSError) as error:
            log.warning("a hub's word on its camera is lost", hub_id=hub_id, error=str(error))
        return True

    # -- what comes

    async def _receive(self) -> None:
        while True:
            try:
                self._deal(await channel_layer().receive(self._channel))
            except (RedisError, OSError) as error:
                log.info("the relays' answers are away", error=str(error))
                await asyncio.sleep(RETRY_S)

    def _deal(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "viewer.say":
                self._deal_to_viewer(message["stream_id"], message["message"])
            case "viewer.live":
                view = self._views.get(message["stream_id"])
                if view is not None and view.live_since is None:
                    view.live_since = time.monotonic()
                    view.listener.stream_live(message["stream_id"])
            case "hub.say":
                link().pass_on(message["hub_id"], protocol.from_relay(message["message"]))
            case "answered":
                answer = self._answers.get(message["about"])
                if answer is not None and not answer.done():
                    answer.set_result(message)

    def _deal_to_viewer(self, stream_id: str, message: dict[str, Any]) -> None:
        view = self._views.get(stream_id)
        if view is None:
            return
        if message["type"] == "stream.ended":
            del self._views[stream_id]
            view.listener.stream_ended(stream_id, message["reason"])
        view.listener.stream_said(message)

    # -- what is due

    async def _keep_known(self) -> None:
        joined_at = -JOIN_EVERY_S
        while True:
            try:
                await self._directory.announce_inbox(self._channel)
                if time.monotonic() - joined_at >= JOIN_EVERY_S:
                    await channel_layer().group_add(HUBS_GROUP, self._channel)
                    joined_at = time.monotonic()
                if self._views:
                    await self._move_orphans(set(await self._directory.live_relays()))
            except (RedisError, OSError) as error:
                log.info("the camera inbox is not known, Redis is away", error=str(error))
                joined_at = -JOIN_EVERY_S
            await asyncio.sleep(SAY_EVERY_S)

    async def _move_orphans(self, alive: set[str]) -> None:
        for stream_id, view in tuple(self._views.items()):
            if view.relay_id in alive:
                view.lost_since = None
                continue
            view.lost_since = view.lost_since or time.monotonic()
            relay_id = await self._directory.find_relay(view.request.hub_id)
            if relay_id is None:
                if time.monotonic() - view.lost_since > WITHOUT_RELAY_S:
                    ended = {"stream_id": stream_id, "about": view.request.about, "reason": "timeout"}
                    self._deal_to_viewer(stream_id, {"type": "stream.ended", **ended})
                continue
            log.info("a view moves to another relay", stream_id=stream_id, relay_id=relay_id)
            view.relay_id = relay_id
            request = replace(view.request, seconds_left=view.seconds_left())
            with suppress(RelayUnavailable):
                await send(relay_channel(relay_id), request.to_message(self._channel))

    def _do_soon(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


async def in_time(answer: asyncio.Future[dict[str, Any]]) -> dict[str, Any]:
    """Raises RelayUnavailable when it takes too long."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S + 2):
            return await answer
    except TimeoutError as error:
        raise RelayUnavailable("the camera relay did not answer in time") from error


_inboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, CameraInbox] = WeakKeyDictionary()


def inbox() -> CameraInbox:
    """The inbox of this process's event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _inboxes:
        _inboxes[loop] = CameraInbox()
    return _inboxes[loop]
