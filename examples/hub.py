"""Reference client of the hub side: one file to take home, on the standard library and `websockets` (15 or newer).
With `aiortc` installed it shows the robot's camera too (--video), passed on as the camera encoded it.

    python hub.py --url https://anbu.example --claim CODE --device-id HUB-1 --once < /dev/null    # once, for the key
    python hub.py --url https://anbu.example --buffer hub.db < events.jsonl

Standard input carries one sensor event a line: {"sensor_id": "bedroom_motion", "event_content": "motion on",
"sensor_value": true, "timestamp": "2026-11-22T08:30:12.250+09:00"}; without a timestamp it happened now.
As a library: make a `Hub`, keep `run()` going, call `record()`.

What it promises: an event is on disk before `record()` returns and stays there until the backend has answered for it;
what happens now never waits behind what piled up; a panic press waits behind nothing, and sounds in the home (--sound)
while the backend cannot be told; a wrong clock costs no event.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import http.client
import io
import itertools
import json
import logging
import os
import random
import shlex
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

log = logging.getLogger("hub")

PANIC_WORDS = frozenset({"sos", "fall", "fire", "gas"})
PANIC_BATCH = 10  # keeps the request under 4 kB, which no load on the backend refuses
BODY_LIMIT = 900_000  # bytes; the backend takes 1 MiB unpacked
REPLACED_PAUSE_S = 60.0
SOUND_AFTER_S = 3.0  # a panic press that the backend has not answered for by then sounds in the home
SOUND_AGAIN_S = 10.0
Answer = Literal["ok", "help", "no_answer"]


class HubRefused(Exception):
    """The backend will not have this key any more: only a person can mend that, so the hub stops."""


class Event(NamedTuple):
    """One thing that a sensor saw; `timestamp` carries an offset, None means now."""

    sensor_id: str
    event_content: str
    sensor_value: bool
    timestamp: datetime | None = None

    @property
    def is_panic(self) -> bool:
        return self.sensor_value and self.event_content.split(" ", 1)[0] in PANIC_WORDS


EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def rfc3339(microseconds: int) -> str:
    return (EPOCH + microseconds * MICROSECOND).isoformat()


def retry_seconds(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3); None without a usable one."""
    with suppress(TypeError, ValueError):
        if header is not None and header.strip().isdigit():
            return float(header)
        return max(0.0, parsedate_to_datetime(header or "").timestamp() - time.time())
    return None


class SafetyCheck(NamedTuple):
    """The backend asks the robot to ask the senior `prompt`; an answer after `expires_at` may come too late."""

    check_id: int
    prompt: str
    expires_at: str


@dataclass
class Counts:
    """What the backend said about the events of this run; `delivered` is the sum of the other three."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0

    @property
    def delivered(self) -> int:
        return self.accepted + self.duplicates + self.rejected


class Clock:
    """Seconds since 1970 that run on steadily when the system clock is set, corrected by what the backend says."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] | None = None) -> None:
        # Only the boot-time clock goes on while the machine sleeps; elsewhere a sleep is mended by the next 409.
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        self._wall = wall
        self._steady = steady or (time.monotonic if boot is None else lambda: time.clock_gettime(boot))
        self._gap = self._wall() - self._steady()
        self.offset = 0.0

    def now(self) -> float:
        wall = self._wall()
        gap = wall - self._steady()
        if abs(gap - self._gap) > 1:
            log.warning("the system clock was set by %+.1f s", gap - self._gap)
            self.offset -= gap - self._gap
        self._gap = gap
        return wall + self.offset


class Buffer:
    """Events on disk until they are answered for. Survives kill -9 and, at one fsync a write, a power cut."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript("""
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            CREATE TABLE IF NOT EXISTS events (
                event_id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, sensor_id TEXT NOT NULL,
                event_content TEXT NOT NULL, sensor_value INTEGER NOT NULL, panic INTEGER NOT NULL);
            CREATE INDEX IF NOT EXISTS events_by_lane ON events (panic, event_id);
            CREATE TABLE IF NOT EXISTS clock (agreed_until INTEGER NOT NULL);
            INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM clock);
        """)
        counted = dict(self._db.execute("SELECT panic, count(*) FROM events GROUP BY panic"))
        self.waiting = {True: counted.get(1, 0), False: counted.get(0, 0)}

    def add(self, events: Iterable[tuple[int, Event]]) -> None:
        """Stores (microseconds since 1970, event) pairs, all or none."""
        rows = [(at, e.sensor_id, e.event_content, e.sensor_value, e.is_panic) for at, e in events]
        insert = "INSERT INTO events (at_us, sensor_id, event_content, sensor_value, panic) VALUES (?, ?, ?, ?, ?)"
        self._db.execute("BEGIN")
        try:
            self._db.executemany(insert, rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        for row in rows:
            self.waiting[row[4]] += 1

    def newest(self, panic: bool, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """The newest first: while a backlog drains, the backend still knows within a second what happens now."""
        query = (
            "SELECT event_id, at_us, sensor_id, event_content, sensor_value FROM events"
            " WHERE panic = ? ORDER BY event_id DESC LIMIT ?"
        )
        return [
            (
                key,
                {"timestamp": rfc3339(at), "sensor_id": sensor, "event_content": content, "sensor_value": bool(value)},
            )
            for key, at, sensor, content, value in self._db.execute(query, (panic, limit))
        ]

    def forget(self, panic: bool, keys: Sequence[int]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM events WHERE event_id = ?", [(key,) for key in keys])
        self._db.execute("COMMIT")
        self.waiting[panic] -= len(keys)

    def last_key(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0])

    def agree_clock(self, until: int, shift_us: int = 0) -> None:
        """The backend agrees with the clock of events up to key `until`; those it had not agreed to yet are shifted."""
        self._db.execute("BEGIN")
        if shift_us:
            wrong = "event_id <= ? AND event_id > (SELECT agreed_until FROM clock)"
            self._db.execute(f"UPDATE events SET at_us = at_us + ? WHERE {wrong}", (shift_us, until))  # noqa: S608 - fixed
        self._db.execute("UPDATE clock SET agreed_until = max(agreed_until, ?)", (until,))
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()


class Response(NamedTuple):
    status: int
    body: dict[str, Any]
    retry_after: float | None


class Connection:
    """One keep-alive HTTP connection with a thread of its own, so that no request waits for another lane's."""

    def __init__(self, url: str, key: str) -> None:
        self._url = urlsplit(url)
        self._headers = {"Authorization": f"Api-Key {key}", "Accept": "application/json"}
        self._http: http.client.HTTPConnection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub-http")

    async def request(self, method: str, path: str, document: object = None) -> Response:
        """Raises OSError or http.client.HTTPException when no answer came; whether it arrived is then unknown."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._exchange, method, path, document)

    def _exchange(self, method: str, path: str, document: object) -> Response:
        headers, body = dict(self._headers), None
        if document is not None:
            body = json.dumps(document).encode()
            headers["Content-Type"] = "application/json"
            if len(body) > 2_000:
                body = gzip.compress(body, compresslevel=5)
                headers["Content-Encoding"] = "gzip"
        had_connection = self._http is not None
        try:
            return self._exchange_once(method, path, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            if not had_connection:
                raise
            return self._exchange_once(method, path, body, headers)  # the server had closed an idle connection

    def _exchange_once(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Response:
        if self._http is None:
            self._http = self._open()
        try:
            self._http.request(method, self._url.path.rstrip("/") + path, body, headers)
            answer = self._http.getresponse()
            content = answer.read(4_000_000)
        except BaseException:
            self._http.close()
            self._http = None
            raise
        try:
            document = json.loads(content)
        except ValueError:
            document = {}
        pause = answer.headers.get("Retry-After")
        return Response(answer.status, document if isinstance(document, dict) else {}, retry_seconds(pause))

    def _open(self) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, self._url.port, timeout=10, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, self._url.port, timeout=10)

    def close(self) -> None:
        if self._http is not None and self._http.sock is not None:
            with suppress(OSError):
                self._http.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread when it waits for an answer
        self._thread.submit(self._hang_up)
        self._thread.shutdown(wait=False)

    def _hang_up(self) -> None:
        if self._http is not None:
            self._http.close()


class Backoff:
    """Pauses that double up to `most` seconds, varied at random so that hubs do not come back as one."""

    def __init__(self, most: float, obey: float = 3600.0) -> None:
        self._most, self._obey, self._tries, self._chance = most, obey, 0, random.SystemRandom()

    def reset(self) -> None:
        self._tries = 0

    def pause(self, asked: float | None = None) -> float:
        """The pause that the server asked for (at most `obey` seconds), plus up to a tenth; or the next of ours."""
        self._tries += 1
        if asked is not None:
            return min(asked, self._obey) * self._chance.uniform(1.0, 1.1)
        return min(self._most, 0.5 * 2.0 ** min(self._tries, 10)) * self._chance.uniform(0.5, 1.0)


@dataclass
class Lane:
    """A way for events to the backend; the panic lane is kept free of everything else."""

    panic: bool
    connection: Connection
    backoff: Backoff
    limit: int
    filled: asyncio.Event = field(default_factory=asyncio.Event)


async def answer_ok(check: SafetyCheck) -> Answer | None:
    """The robot that always hears a well senior; a real hub asks and listens here."""
    return "ok"


class Feed:
    """What a camera encoded, read in a thread: a file over and over at its speed, or an rtsp:// address, found anew
    whenever it is lost. H.264 or VP8, never decoded; H.264 gets start codes and parameter sets before each key frame.

    `codec` is known from the first packet on ("H264", "VP8"); `problem` says why there is none.
    """

    LISTENER_MOST = 100

    def __init__(self, source: str) -> None:
        self.source, self.codec, self.problem = source, "", "the camera was not reached yet"
        self.is_live = "://" in source
        self._loop = asyncio.get_running_loop()
        self._listeners: set[asyncio.Queue[Any]] = set()
        self._group: list[Any] = []
        self._ready = asyncio.Event()
        self._stop = threading.Event()
        self._stop.set()
        self._shift = 0
        self._last = 0

    def open(self) -> None:
        """Begins to read; harmless when it reads already. A camera's stream is kept open, as probing takes a second."""
        if self._stop.is_set():
            self._stop = threading.Event()
            threading.Thread(target=self._read, args=(self._stop,), name="camera", daemon=True).start()

    async def ready(self, within_s: float) -> str:
        """The codec. Raises LookupError when the camera cannot be read."""
        try:
            await asyncio.wait_for(self._ready.wait(), within_s)
        except TimeoutError:
            raise LookupError(self.problem) from None
        return self.codec

    def listen(self) -> asyncio.Queue[Any]:
        """A queue of packets that begins at the newest key frame."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        for packet in self._group:
            queue.put_nowait(packet)
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Any]) -> None:
        self._listeners.discard(queue)
        if not self._listeners and not self.is_live:
            self.close()

    def close(self) -> None:
        self._stop.set()
        self._ready.clear()
        self._group = []

    def _read(self, stop: threading.Event) -> None:
        import av

        options = {"rtsp_transport": "tcp"} if self.source.startswith("rtsp") else {}
        while not stop.is_set():
            try:
                with av.open(self.source, options=options, timeout=5) as container:
                    self._play(container, av.BitStreamFilterContext, stop)
                self.problem = "the camera's stream ended"
            except (OSError, ValueError, LookupError, av.FFmpegError) as error:
                self.problem = f"{self.source} cannot be read: {error}"
                log.warning("%s", self.problem)
            if self.is_live or not self._ready.is_set():
                stop.wait(2)

    def _play(self, container: Any, make_filter: Any, stop: threading.Event) -> None:
        if not container.streams.video:
            raise LookupError("it has no picture")
        stream = container.streams.video[0]
        codec = {"h264": "H264", "vp8": "VP8"}.get(stream.codec_context.name)
        if codec is None:
            raise LookupError(f"{stream.codec_context.name} cannot be passed on: set the camera to H.264 or VP8")
        filters = [make_filter(name, stream) for name in ("h264_mp4toannexb", "dump_extra")] if codec == "H264" else []
        began, first = time.monotonic(), None
        for packet in container.demux(stream):
            if stop.is_set():
                return
            if packet.pts is None or packet.size == 0:
                continue
            at = int(packet.pts * packet.time_base * 90_000)
            first = at if first is None else first
            if not self.is_live:
                stop.wait(max(0.0, began + (at - first) / 90_000 - time.monotonic()))
            if first == at:
                self._shift = self._last + 3600 - at
            packets = [packet]
            for one in filters:
                packets = [made for taken in packets for made in one.filter(taken)]
            self._last = at + self._shift
            for made in packets:
                self._loop.call_soon_threadsafe(self._deal, stop, codec, bytes(made), self._last, packet.is_keyframe)

    def _deal(self, stop: threading.Event, codec: str, data: bytes, at: int, is_key: bool) -> None:
        if stop.is_set():
            return
        self.codec, self.problem = codec, ""
        self._ready.set()
        if is_key:
            self._group = []
        if is_key or self._group:
            self._group.append((data, at))
        for queue in self._listeners:
            if queue.qsize() < self.LISTENER_MOST or is_key:
                queue.put_nowait((data, at))


class Camera:
    """The hub's end of live video: offers the feed when somebody wants to look, and ends with the last of them.

    `say(type, **fields)` sends on the socket; `announce(count)` is told how many look, before the first frame goes:
    the robot shows it and says it. `hear(track)` gets a caseworker's voice, when that is allowed.
    """

    def __init__(
        self,
        source: str,
        *,
        announce: Callable[[int], None] = lambda count: log.info("%d look through the camera", count),
        hear: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        import aiortc  # takes a second or two: now, and not while somebody waits
        import av

        log.info("the camera is %s (aiortc %s, PyAV %s)", source, aiortc.__version__, av.__version__)
        self._feed = Feed(source)
        self._announce, self._hear = announce, hear
        self._stream_id = ""
        self._queue: asyncio.Queue[Any] | None = None
        self._peer: Any = None
        self._talk: Any = None
        self._listening: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        if self._feed.is_live:
            self._feed.open()

    async def take(self, message: dict[str, Any], say: Callable[..., Awaitable[None]]) -> None:
        """Does what the backend says about the camera."""
        try:
            match message["type"]:
                case "stream.start":
                    await self._start(message, say)
                case "stream.answer" if message["stream_id"] == self._stream_id:
                    await self._answered(message["sdp"])
                case "stream.candidate" if message["stream_id"] == self._stream_id:
                    await self._add_candidate(message["candidate"])
                case "stream.viewers":
                    self._announce(message["count"])
                case "stream.stop" if message["stream_id"] == self._stream_id:
                    await self.stop()
                case "talk.start":
                    await self._start_talk(message, say)
                case "talk.stop":
                    await self._stop_talk()
        except (ValueError, KeyError, TypeError, LookupError, AssertionError) as error:
            log.error("the camera's %s failed: %r", message["type"], error)
            await say("error", code="camera_failed", detail=str(error)[:200], about=message.get("id"))

    async def _start(self, message: dict[str, Any], say: Callable[..., Awaitable[None]]) -> None:
        from aiortc import RTCRtpSender

        await self.stop()
        self._stream_id = message["stream_id"]
        self._feed.open()
        codec = await self._feed.ready(8)
        self._queue = self._feed.listen()
        self._peer = peer = make_peer(message["ice_servers"])
        peer.on("connectionstatechange", lambda: self._watch(peer))
        transceiver = peer.addTransceiver(make_track(self._queue), "sendonly")
        wanted = (f"video/{codec}", "video/rtx")
        capabilities = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([one for one in capabilities if one.mimeType in wanted])
        await peer.setLocalDescription(await peer.createOffer())
        await say("stream.offer", stream_id=message["stream_id"], sdp=peer.localDescription.sdp)

    def _watch(self, peer: Any) -> None:
        if peer is self._peer and peer.connectionState in ("failed", "closed"):
            self._ending = asyncio.create_task(self.stop())

    async def _answered(self, sdp: str) -> None:
        from aiortc import RTCSessionDescription

        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))

    async def _add_candidate(self, candidate: dict[str, Any] | None) -> None:
        from aiortc.sdp import candidate_from_sdp

        if self._peer is None or candidate is None:
            return
        parsed = candidate_from_sdp(candidate["candidate"].removeprefix("candidate:"))
        parsed.sdpMid, parsed.sdpMLineIndex = candidate["sdpMid"], candidate["sdpMLineIndex"]
        await self._peer.addIceCandidate(parsed)

    async def _start_talk(self, message: dict[str, Any], say: Callable[..., Awaitable[None]]) -> None:
        from aiortc import RTCSessionDescription

        await self._stop_talk()
        if self._hear is None:
            await say("error", code="no_speaker", detail="no loudspeaker is connected", about=message.get("id"))
            return
        self._talk = make_peer([])
        await self._talk.setRemoteDescription(RTCSessionDescription(sdp=message["sdp"], type="offer"))
        tracks = [transceiver.receiver.track for transceiver in self._talk.getTransceivers()]
        await self._talk.setLocalDescription(await self._talk.createAnswer())
        self._listening = asyncio.create_task(self._listen(tracks[0], self._hear))
        await say("talk.ready", stream_id=message["stream_id"], sdp=self._talk.localDescription.sdp)

    async def _listen(self, track: Any, hear: Callable[[Any], Awaitable[None]]) -> None:
        from aiortc.mediastreams import MediaStreamError

        with suppress(MediaStreamError):  # the voice has ended
            await hear(track)

    async def _stop_talk(self) -> None:
        if self._talk is not None:
            await self._talk.close()
        if self._listening is not None:
            self._listening.cancel()
        self._talk = self._listening = None

    async def stop(self) -> None:
        """Nobody looks, or the socket is gone: nothing leaves the home any more."""
        await self._stop_talk()
        peer, self._peer, self._stream_id = self._peer, None, ""
        if self._queue is not None:
            self._feed.leave(self._queue)
            self._queue = None
        if peer is not None:
            await peer.close()


def make_peer(ice_servers: list[dict[str, Any]]) -> Any:
    """A connection that asks no server but those that the backend names."""
    from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection

    servers = [RTCIceServer(one["urls"], one.get("username"), one.get("credential")) for one in ice_servers]
    return RTCPeerConnection(RTCConfiguration(iceServers=servers))


def make_track(queue: asyncio.Queue[Any]) -> Any:
    """The feed's packets as aiortc sends them: as they are."""
    from aiortc import MediaStreamTrack
    from av import Packet

    class Encoded(MediaStreamTrack):
        kind = "video"

        async def recv(self) -> Packet[Any]:
            data, at = await queue.get()
            packet: Packet[Any] = Packet(data)
            packet.pts, packet.time_base = at, Fraction(1, 90_000)
            return packet

    return Encoded()


def ring_bell() -> None:
    """The terminal's bell: what every machine has. A real hub has a siren, or lets the robot call out."""
    sys.stderr.write("\a")
    sys.stderr.flush()


class SoundCommand:
    """Runs a command as the local alarm, e.g. `aplay siren.wav`: one at a time, waited for by nobody."""

    def __init__(self, command: str) -> None:
        self._command = shlex.split(command)
        self._playing: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        if self._playing is not None and self._playing.poll() is None:
            return
        try:
            self._playing = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)  # noqa: S603 - the owner chose it
        except OSError as error:
            log.error("the alarm cannot be played: %s", error)
            ring_bell()


class Hub:
    """A hub's whole conversation with the backend. Use it from one event loop.

    `answer` asks the senior and returns what was said (None: the robot never answers); `status` returns
    (battery 0-100 or None, robot_online) for each heartbeat; `sound` is called when a panic press is not answered for
    within three seconds, and each ten seconds until it is: whoever is near hears of it when the backend cannot.
    """

    def __init__(
        self,
        url: str,
        key: str,
        buffer: Path | str,
        *,
        answer: Callable[[SafetyCheck], Awaitable[Answer | None]] = answer_ok,
        status: Callable[[], tuple[int | None, bool]] = lambda: (None, True),
        clock: Clock | None = None,
        camera: Camera | None = None,
        sound: Callable[[], None] = ring_bell,
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"url must begin with http:// or https:// and name a host, got {url!r}")
        self.counts = Counts()
        self.clock = clock or Clock()
        self._url, self._key = url.rstrip("/"), key
        self._ask, self._status, self._camera = answer, status, camera
        self._buffer = Buffer(buffer)
        self._control = Connection(url, key)
        self._lanes = {
            True: Lane(True, Connection(url, key), Backoff(5, obey=5), PANIC_BATCH),
            False: Lane(False, Connection(url, key), Backoff(60), 1000),
        }
        self._batch_max, self._batch_delay, self._heartbeat_interval = 1000, 2.0, 10.0
        self._sound = sound
        self._pressed = asyncio.Event()
        self._answered = asyncio.Event()
        self._ids = itertools.count(1)
        self._socket: ClientConnection | None = None
        self._checks: dict[int, Answer | None] = {}
        self._unproven: dict[int, Answer] = {}
        self._heartbeats: deque[tuple[int, ...]] = deque()
        self._asking: set[asyncio.Task[None]] = set()
        self._filming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._last_posted = 0.0

    @property
    def pending(self) -> int:
        """Events that the backend has not answered for yet."""
        return sum(self._buffer.waiting.values())

    def record(self, sensor_id: str, event_content: str, sensor_value: bool, timestamp: datetime | None = None) -> None:
        """Keeps one event; on return it is on disk. `timestamp` is by this machine's clock and needs an offset."""
        self.record_many([Event(sensor_id, event_content, sensor_value, timestamp)])

    def record_many(self, events: Sequence[Event]) -> None:
        self._buffer.add([(self._microseconds(event), event) for event in events])
        for panic in {event.is_panic for event in events}:
            self._lanes[panic].filled.set()
            if panic:
                self._pressed.set()

    def _microseconds(self, event: Event) -> int:
        if (
            type(event.sensor_value) is not bool
            or type(event.sensor_id) is not str
            or type(event.event_content) is not str
        ):
            raise ValueError(f"sensor_id and event_content are strings, sensor_value is true or false: {event}")
        now = self.clock.now()
        if event.timestamp is None:
            return round(now * 1e6)
        if event.timestamp.tzinfo is None:
            raise ValueError(f"a timestamp needs an offset, as in 2026-11-22T08:30:12+09:00: {event}")
        return round((event.timestamp - EPOCH) / MICROSECOND + self.clock.offset * 1e6)

    async def drained(self) -> None:
        """Returns when every recorded event is answered for."""
        while self.pending:
            self._answered.clear()
            await self._answered.wait()

    async def run(self) -> None:
        """Talks to the backend until cancelled; raises HubRefused when the key is dead or may not."""
        config = asyncio.create_task(self._read_config())
        tasks = [asyncio.create_task(self._deliver(self._lanes[True]))]
        tasks.append(asyncio.create_task(self._deliver(self._lanes[False], after=config)))
        tasks.append(asyncio.create_task(self._hold_socket(after=config)))
        tasks.append(asyncio.create_task(self._sound_unheard_panics()))
        try:
            await asyncio.gather(*tasks)
        finally:
            tasks.extend(self._asking)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._camera is not None:
                await self._camera.stop()
            for connection in (self._control, *(lane.connection for lane in self._lanes.values())):
                connection.close()
            self._buffer.close()

    # Events

    async def _deliver(self, lane: Lane, after: asyncio.Task[None] | None = None) -> None:
        if after is not None:
            await after
        while True:
            batch = await self._next_batch(lane)
            seen_until = self._buffer.last_key()
            document = {"sent_at": rfc3339(round(self.clock.now() * 1e6)), "events": [event for _, event in batch]}
            try:
                response = await lane.connection.request("POST", "/api/v1/hub/events", document)
            except (OSError, http.client.HTTPException) as error:
                log.warning("%d events not delivered: %s", len(batch), error or type(error).__name__)
                await asyncio.sleep(lane.backoff.pause())
                continue
            self._last_posted = time.monotonic()
            await asyncio.sleep(self._settle(lane, [key for key, _ in batch], seen_until, response))

    async def _sound_unheard_panics(self) -> None:
        while True:
            if not self._buffer.waiting[True]:  # at the start there may be some from before a power cut
                self._pressed.clear()
                await self._pressed.wait()
            patience_s = SOUND_AFTER_S
            while not await self._are_panics_heard(patience_s):
                log.critical("%d panic presses have not reached the backend", self._buffer.waiting[True])
                self._sound()
                patience_s = SOUND_AGAIN_S

    async def _are_panics_heard(self, within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._buffer.waiting[True]:
                    self._answered.clear()
                    await self._answered.wait()
        return not self._buffer.waiting[True]

    async def _next_batch(self, lane: Lane) -> list[tuple[int, dict[str, Any]]]:
        while not self._buffer.waiting[lane.panic]:
            lane.filled.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(lane.filled.wait(), 5)
            if not lane.panic and self._socket is None and time.monotonic() - self._last_posted > 45:
                return []  # without a socket an empty batch is the sign of life
        limit = min(lane.limit, self._batch_max)
        if not lane.panic and self._buffer.waiting[False] < limit:
            await asyncio.sleep(self._batch_delay)
        batch, size = self._buffer.newest(lane.panic, limit), 0
        for count, (_, event) in enumerate(batch):
            size += len(json.dumps(event)) + 2
            if size > BODY_LIMIT:
                return batch[:count]
        return batch

    def _settle(self, lane: Lane, keys: list[int], seen_until: int, response: Response) -> float:
        """Does what the backend's answer asks for and returns the pause before the next request in seconds."""
        status, body = response.status, response.body
        code = body.get("code")
        if status == 200 and isinstance(body.get("accepted"), int) and isinstance(body.get("rejected"), list):
            self._finish(lane, keys, body)
            self._buffer.agree_clock(seen_until)
            lane.limit = PANIC_BATCH if lane.panic else min(1000, lane.limit * 2)
            lane.backoff.reset()
            return 0.0
        if status == 409 and code == "clock_skew":
            self._correct_clock(body)
            return lane.backoff.pause()
        if (status == 413 or (status == 400 and code == "malformed")) and keys:
            if len(keys) > 1:
                lane.limit = len(keys) // 2
                return 0.0
            self._finish(lane, keys, {"rejected": [{"index": 0, "code": code, "detail": body.get("detail")}]})
            return 0.0
        if status in (401, 403):
            raise HubRefused(f"the backend refused the key ({status} {code}): ask for a new one")
        log.warning("backend answered %d %s; %d events wait", status, code or "", self.pending)
        return lane.backoff.pause(response.retry_after)

    def _finish(self, lane: Lane, keys: list[int], body: dict[str, Any]) -> None:
        for refusal in body["rejected"]:
            log.error("event rejected, never sent again: %s", refusal)
        self._buffer.forget(lane.panic, keys)
        self.counts.accepted += body.get("accepted", 0)
        self.counts.duplicates += body.get("duplicates", 0)
        self.counts.rejected += len(body["rejected"])
        self._answered.set()

    def _correct_clock(self, body: dict[str, Any]) -> None:
        """Shifts the clock and, once, every event that it stamped since the backend last agreed with it."""
        with suppress(KeyError, TypeError, ValueError):
            error = datetime.fromisoformat(body["server_time"]).timestamp() - self.clock.now()
            if abs(error) < 1:
                return  # the other lane has mended it while this request was under way
            log.warning("clock corrected by %+.3f s", error)
            self.clock.offset += error
            self._buffer.agree_clock(self._buffer.last_key(), shift_us=round(error * 1e6))

    # Socket

    async def _hold_socket(self, after: asyncio.Task[None]) -> None:
        await after
        backoff = Backoff(60)
        target = "ws" + self._url.removeprefix("http") + "/ws/hub/"
        while True:
            try:
                async with connect(
                    target,
                    additional_headers={"Authorization": f"Api-Key {self._key}"},
                    subprotocols=[Subprotocol("hub.v1")],
                    proxy=None,
                    max_size=65_536,
                    close_timeout=3,
                ) as self._socket:
                    await self._converse(self._socket, backoff)
            except InvalidStatus as refusal:
                if refusal.response.status_code in (401, 403):
                    raise HubRefused(f"the backend refused the socket ({refusal.response.status_code})") from refusal
                log.warning("no socket: %s", refusal)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
                if code in (4401, 4403):
                    raise HubRefused(
                        f"the backend closed the socket with {code}: the key is dead or may not"
                    ) from closed
                log.warning("socket closed: %s", closed)
                if code == 4409:
                    await asyncio.sleep(REPLACED_PAUSE_S)
            except (OSError, InvalidHandshake) as error:
                log.warning("no socket: %s", error or type(error).__name__)
            finally:
                self._socket = None
            await asyncio.sleep(backoff.pause())
            await self._read_config()

    async def _read_config(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            response = await self._control.request("GET", "/api/v1/hub/config")
            if response.status in (401, 403):
                raise HubRefused(f"the backend refused the key ({response.status}): ask for a new one")
            with suppress(KeyError, TypeError, ValueError):
                self._batch_max = max(1, min(1000, int(response.body["batch_max_events"])))
                self._batch_delay = max(0.0, float(response.body["batch_max_delay_s"]))
                self._heartbeat_interval = max(0.1, float(response.body["heartbeat_interval_s"]))

    async def _converse(self, connection: ClientConnection, backoff: Backoff) -> None:
        self._heartbeats.clear()
        self._filming = asyncio.Queue()
        for check_id, answer in list(self._unproven.items()):
            await self._send("safety_check.answer", check_id=check_id, answer=answer)
        beating = asyncio.create_task(self._beat(connection))
        filming = asyncio.create_task(self._film())
        try:
            while True:
                message = json.loads(await connection.recv())
                if message["type"] == "heartbeat.ack":
                    backoff.reset()
                await self._take(message)
        except (ValueError, KeyError, TypeError) as error:
            log.error("unreadable message from the backend: %r", error)
        finally:
            beating.cancel()
            filming.cancel()

    async def _film(self) -> None:
        """What is said about the camera, in order, beside the conversation: making a connection takes a while."""
        while self._camera is not None:
            await self._camera.take(await self._filming.get(), self._send)

    async def _send(self, kind: str, **fields: object) -> None:
        """Sends when there is a socket; what must arrive is sent again after the next connect."""
        if self._socket is not None:
            with suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"type": kind, "id": str(next(self._ids)), **fields}))

    async def _beat(self, connection: ClientConnection) -> None:
        while len(self._heartbeats) < 3:
            battery, robot_online = self._status()
            # Messages keep their order: the acknowledgement proves that the answers sent before it have arrived.
            self._heartbeats.append(tuple(self._unproven))
            sent_at = rfc3339(round(self.clock.now() * 1e6))
            await self._send("heartbeat", sent_at=sent_at, battery=battery, robot_online=robot_online)
            await asyncio.sleep(self._heartbeat_interval)
        log.warning("three heartbeats without an answer: connecting anew")
        await connection.close()

    async def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "heartbeat.ack":
                for check_id in self._heartbeats.popleft() if self._heartbeats else ():
                    self._unproven.pop(check_id, None)
            case "safety_check.request":
                await self._take_check(SafetyCheck(message["check_id"], message["prompt"], message["expires_at"]))
            case "stream.start" | "talk.start" if self._camera is None:
                await self._send("error", code="no_camera", detail="no camera is connected", about=message.get("id"))
            case kind if kind.startswith(("stream.", "talk.")):
                self._filming.put_nowait(message)
            case "error":
                log.error("backend says %s: %s", message.get("code"), message)
            case unknown:
                await self._send("error", code="unknown_type", detail=f"no {unknown}", about=message.get("id"))

    async def _take_check(self, check: SafetyCheck) -> None:
        await self._send("safety_check.received", check_id=check.check_id)
        if check.check_id not in self._checks:
            self._checks[check.check_id] = None
            task = asyncio.create_task(self._answer(check))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        elif (answer := self._checks[check.check_id]) is not None:
            await self._send("safety_check.answer", check_id=check.check_id, answer=answer)

    async def _answer(self, check: SafetyCheck) -> None:
        answer = await self._ask(check)
        if answer is not None:
            self._checks[check.check_id] = self._unproven[check.check_id] = answer
            await self._send("safety_check.answer", check_id=check.check_id, answer=answer)


def parse_event(line: str) -> Event:
    """One line of standard input; ValueError says what is wrong with it."""
    fields = json.loads(line)
    if not isinstance(fields, dict) or not {"sensor_id", "event_content", "sensor_value"} <= fields.keys():
        raise ValueError("an event is an object with sensor_id, event_content and sensor_value")
    at = fields.get("timestamp")
    timestamp = None if at is None else datetime.fromisoformat(at)
    return Event(fields["sensor_id"], fields["event_content"], fields["sensor_value"], timestamp)


async def record_lines(hub: Hub, lines: Iterable[str]) -> None:
    """Records every line; reads in a thread of its own, since a pipe blocks and a file cannot be awaited."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str | None](1000)

    def read() -> None:
        for line in itertools.chain(lines, [None]):
            asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    threading.Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        try:
            hub.record_many([parse_event(line)])
        except (ValueError, TypeError) as error:
            log.error("line not understood: %s: %s", error, line.strip()[:200])


def claim_key(url: str, device_id: str, code: str) -> str:
    """Exchanges a claim code, which works once, for the hub's key. Raises HubRefused."""
    body = json.dumps({"device_id": device_id, "code": code}).encode()
    where = f"{url.rstrip('/')}/api/v1/hub/claim"
    request = Request(where, body, {"Content-Type": "application/json"})  # noqa: S310 - the address is the installer's
    try:
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            key: str = json.load(answer)["api_key"]
    except HTTPError as error:
        with error:
            raise HubRefused(f"the code was not taken: {json.load(error).get('detail', error.reason)}") from error
    except OSError as error:
        raise HubRefused(f"{url} cannot be reached: {error}") from error
    return key


def read_key(arguments: argparse.Namespace) -> str:
    """The key given, claimed or kept from a claim before; a claimed one is kept in a file of the owner's alone."""
    kept = Path(arguments.key_file)
    if arguments.claim:
        key = claim_key(arguments.url, arguments.device_id, arguments.claim)
        kept.touch(mode=0o600)
        kept.write_text(key)
        return key
    return arguments.key or (kept.read_text().strip() if kept.exists() else "")


async def live(arguments: argparse.Namespace) -> None:
    camera = Camera(arguments.video) if arguments.video else None
    sound = SoundCommand(arguments.sound) if arguments.sound else ring_bell
    hub = Hub(arguments.url, arguments.key, arguments.buffer, camera=camera, sound=sound)
    running = asyncio.create_task(hub.run())
    reading = asyncio.create_task(record_lines(hub, sys.stdin))
    await asyncio.wait({running, reading}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done() and arguments.once:
        draining = asyncio.create_task(hub.drained())
        await asyncio.wait({running, draining}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    log.info("accepted %d, duplicates %d, rejected %d", *vars(hub.counts).values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where the portal is, e.g. https://anbu.example")
    parser.add_argument("--key", default=os.environ.get("HUB_KEY"), help="the hub's API key (or HUB_KEY)")
    parser.add_argument("--claim", metavar="CODE", help="get the key with the portal's claim code, and keep it")
    parser.add_argument("--device-id", help="with --claim: this device's number, as registered in the portal")
    parser.add_argument("--key-file", default="hub.key", help="file that keeps a claimed key (hub.key)")
    parser.add_argument("--buffer", default="hub.db", help="file that keeps unanswered events (hub.db)")
    parser.add_argument(
        "--video", metavar="SOURCE", help="show the camera: an rtsp:// address, or a file (needs aiortc)"
    )
    parser.add_argument("--sound", metavar="COMMAND", help="played when a panic press cannot be told (terminal bell)")
    parser.add_argument("--once", action="store_true", help="end when standard input is read and answered for")
    arguments = parser.parse_args()
    if arguments.claim and not arguments.device_id:
        parser.error("--claim needs the device's number: --device-id")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    try:
        arguments.key = read_key(arguments)
        if not arguments.key:
            parser.error("give the hub's key with --key or HUB_KEY, or claim one with --claim")
        asyncio.run(live(arguments))
    except (HubRefused, ValueError, sqlite3.Error) as error:
        log.error("%s", error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
