"""Drives simulated homes: each plays a life through a real hub client, in real time once the past is delivered."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from examples.hub import Answer, Camera, Counts, Event, Hub, HubRefused, SafetyCheck
from portal.simulation.home_plan import PANIC_SENSORS
from portal.simulation.lives import Recording, live_recording, live_resident, measure_recording
from portal.simulation.recordings import SEOUL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from portal.simulation.home_plan import HomePlan, Incident
    from portal.simulation.recordings import SensorEvent

INGEST_DAYS = 30  # the backend takes no event that is older
MARGIN = timedelta(minutes=10)  # so that what is about to become too old is not sent in vain
CHUNK = 1_000
PENDING_MOST = 5_000
PAST_PAUSE_S = 0.05  # the past is written in handfuls: each write costs an fsync
ROBOT_DELAY_S = 2.0


@dataclass
class Tally:
    """What became of a home's events; `silenced` ones are those that the home would have sent but did not."""

    delivered: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    cut: int = 0
    too_old: int = 0
    silenced: int = 0
    pending: int = 0

    def __add__(self, other: Tally) -> Tally:
        mine, theirs = asdict(self), asdict(other)
        return Tally(**{name: mine[name] + theirs[name] for name in mine})


class Home:
    """One home from the moment it is made: `past_delivered` is set when the backend has answered for all its past."""

    def __init__(self, plan: HomePlan, url: str, buffer: Path, *, days: float, speed: float) -> None:
        self.plan = plan
        self.refusal: str | None = None
        self.past_delivered = asyncio.Event()
        self._started_at, self._started = datetime.now(SEOUL), time.monotonic()
        self._oldest = self._started_at - timedelta(days=days) + (MARGIN if days >= INGEST_DAYS else timedelta())
        self._speed = speed
        self._recording = None if plan.csv is None else measure_recording(plan.csv, self._started_at, self._oldest)
        self._silent_from = self._find_silence()
        self._silenced = 0
        self._reached = self._oldest
        self._past_recorded = asyncio.Event()
        camera = Camera(plan.video, hear=hear_out) if plan.video else None
        self._hub = Hub(url, plan.key, buffer, answer=self._answer, camera=camera, sound=lambda: None)

    @property
    def tally(self) -> Tally:
        counts: Counts = self._hub.counts
        recording: Recording | None = self._recording
        return Tally(
            delivered=counts.delivered,
            accepted=counts.accepted,
            duplicates=counts.duplicates,
            rejected=counts.rejected,
            cut=recording.cut if recording else 0,
            too_old=recording.too_old if recording else 0,
            silenced=self._silenced,
            pending=self._hub.pending,
        )

    @property
    def progress(self) -> float:
        """Share of the past that is recorded, 0-1."""
        if self._past_recorded.is_set():
            return 1.0
        return (self._reached - self._oldest) / max(self._started_at - self._oldest, timedelta(seconds=1))

    async def run(self) -> None:
        """Lives until cancelled, or until the backend refuses the key, which `refusal` then says."""
        offs = [incident.after for incident in self.plan.incidents if incident.kind == "hub_off"]
        try:
            with suppress(TimeoutError):  # the hub is off from then on
                async with asyncio.timeout(min(offs).total_seconds() if offs else None):
                    await self._live()
        finally:
            self.past_delivered.set()  # there is nothing more to wait for

    async def _live(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hub.run())
                tasks.create_task(self._play())
                tasks.create_task(self._confirm_past())
                for incident in self.plan.incidents:
                    if incident.kind in PANIC_SENSORS:
                        tasks.create_task(self._press(incident))
        except* HubRefused as refused:
            self.refusal = str(refused.exceptions[0])

    def _find_silence(self) -> datetime | None:
        begins = [self._started_at + i.after for i in self.plan.incidents if i.kind == "silence"]
        if self.plan.silent_for is not None:
            begins.append(self._started_at - timedelta(hours=self.plan.silent_for))
        return min(begins, default=None)

    def _life(self) -> Iterator[SensorEvent]:
        if self._recording is not None:
            return live_recording(self._recording)
        return live_resident(self.plan.seed, self._oldest)

    async def _play(self) -> None:
        """Records each event when it is due; from the silence on none any more."""
        chunk: list[Event] = []
        for event in self._life():
            if event.timestamp > self._started_at and not self._past_recorded.is_set():
                await self._record(chunk)
                self._past_recorded.set()
            if self._silent_from is not None and event.timestamp > self._silent_from:
                if event.timestamp > self._started_at:
                    break
                self._silenced += 1
                continue
            wait = self._due(event.timestamp) - time.monotonic()
            if wait > 0 or len(chunk) >= CHUNK:
                await self._record(chunk)
            if wait > 0:
                await asyncio.sleep(wait if self._past_recorded.is_set() else max(wait, PAST_PAUSE_S))
            self._reached = event.timestamp
            chunk.append(Event(event.sensor_id, event.event_content, event.sensor_value, event.timestamp))
        await self._record(chunk)

    def _due(self, at: datetime) -> float:
        """When an event is to be recorded, on the monotonic clock: the past X times as fast, the future as it comes."""
        paced = (at - self._oldest).total_seconds() / self._speed
        return self._started + max(paced, (at - self._started_at).total_seconds())

    async def _record(self, chunk: list[Event]) -> None:
        if chunk:
            self._hub.record_many(chunk)
            chunk.clear()
            await asyncio.sleep(0)
        while self._hub.pending > PENDING_MOST:
            await asyncio.sleep(0.05)

    async def _confirm_past(self) -> None:
        await self._past_recorded.wait()
        await self._hub.drained()
        self.past_delivered.set()

    async def _press(self, incident: Incident) -> None:
        await asyncio.sleep(incident.after.total_seconds())
        self._hub.record(PANIC_SENSORS[incident.kind], incident.kind, True)

    async def _answer(self, check: SafetyCheck) -> Answer | None:
        await asyncio.sleep(ROBOT_DELAY_S)
        return None if self.plan.robot_answer == "silent" else self.plan.robot_answer


async def hear_out(track: Any) -> None:
    """A loudspeaker in a room that does not exist: what is said is taken, and nobody hears it."""
    while True:
        await track.recv()


async def drive_homes(
    homes: Sequence[Home],
    stop: asyncio.Event,
    *,
    on_progress: Callable[[], None],
    on_past_delivered: Callable[[], None],
) -> None:
    """Runs homes until `stop` is set or the backend has refused every one of them.

    `on_progress` is called each 2 s while the past is delivered, `on_past_delivered` once after that.
    """
    runs = [asyncio.create_task(home.run()) for home in homes]
    try:
        for turn in itertools.count():
            if stop.is_set() or all(home.past_delivered.is_set() for home in homes):
                break
            if turn % 10 == 9:
                on_progress()
            await _pause(stop, 0.2)
        if not stop.is_set() and any(home.refusal is None for home in homes):
            on_past_delivered()
        while not stop.is_set() and not all(home.refusal for home in homes):
            for run in runs:
                if run.done():
                    run.result()  # a home that broke for want of disk, say, ends them all
            await _pause(stop, 1)
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
