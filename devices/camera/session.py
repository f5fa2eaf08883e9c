"""One home's camera: who looks, and what its hub does. Pure: events and times in, effects out.

    nobody looks -> ASKED (stream.start is out) -> JOINING (the hub's offer is answered) -> LIVE -> LOST -> ...

The order is the spec's sequence diagram: a viewer asks, the hub is asked, offers and is answered, the viewer gets an
offer and answers. Every wait has an end, and every end a reason of the contract.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_VIEWERS = 5
OFFER_WITHIN_S = 10.0
CONNECT_WITHIN_S = 10.0
TIME_LIMIT_S = 300.0
PROLONGED_BY_S = 300.0
LINGER_S = 2.0
"""How long the hub goes on sending after the last viewer: one who comes back at once finds the picture."""
FROZEN_S = 3.0
ASK_AGAIN_S = 10.0
LOST_FOR_S = 60.0

EndReason = Literal[
    "too_many_viewers", "hub_offline", "hub_refused", "no_consent", "timeout", "time_limit", "stopped", "revoked"
]


class Camera(Enum):
    IDLE = auto()
    ASKED = auto()
    JOINING = auto()
    LIVE = auto()
    LOST = auto()


@dataclass
class Viewer:
    stream_id: str
    staff_id: int
    full_name: str
    since: str
    ends_at: float = 0.0
    """On the clock of the caller; set when the picture is offered first."""
    offered_at: float | None = None
    is_up: bool = False
    was_prolonged: bool = False
    seconds_left: float = TIME_LIMIT_S


# -- effects, in the order in which they are to be done


@dataclass(frozen=True)
class StartCamera:
    """stream.start to the hub."""

    camera_id: str


@dataclass(frozen=True)
class TellHub:
    """stream.viewers to the hub."""

    camera_id: str
    count: int


@dataclass(frozen=True)
class StopCamera:
    """stream.stop to the hub, and its connection is closed."""

    camera_id: str


@dataclass(frozen=True)
class OfferViewer:
    stream_id: str


@dataclass(frozen=True)
class EndViewer:
    stream_id: str
    reason: EndReason


@dataclass(frozen=True)
class ShowViewers:
    """Each viewer hears who else looks."""


Effect = StartCamera | TellHub | StopCamera | OfferViewer | EndViewer | ShowViewers


@dataclass
class CameraSession:
    """`new_id` names camera sessions; `publishes_by_itself`: its hub sends by WHIP, whether anybody looks or not."""

    new_id: Callable[[], str]
    camera: Camera = Camera.IDLE
    camera_id: str = ""
    publishes_by_itself: bool = False
    viewers: dict[str, Viewer] = field(default_factory=dict)
    changed_at: float = 0.0
    lost_at: float | None = None
    asked_at: float = 0.0
    idle_since: float | None = None

    @property
    def is_over(self) -> bool:
        return not self.viewers and self.camera is Camera.IDLE

    # -- viewers

    def request(self, viewer: Viewer, now: float, *, hub_can: EndReason | None) -> list[Effect]:
        """Somebody wants to see. `hub_can` is None, or why its hub cannot be asked."""
        if len(self.viewers) >= MAX_VIEWERS:
            return [EndViewer(viewer.stream_id, "too_many_viewers")]
        is_there = self.camera in (Camera.JOINING, Camera.LIVE)
        if not is_there and hub_can is not None:
            return [EndViewer(viewer.stream_id, hub_can)]
        self.viewers[viewer.stream_id] = viewer
        self.idle_since = None
        effects: list[Effect] = []
        if self.camera in (Camera.IDLE, Camera.LOST):
            effects += self._ask_hub(now)
        effects += [TellHub(self.camera_id, len(self.viewers)), ShowViewers()]
        if is_there:
            effects += self._offer(viewer, now)
        return effects

    def leave(self, stream_id: str, now: float, reason: EndReason = "stopped") -> list[Effect]:
        """A viewer goes, or is sent away."""
        if self.viewers.pop(stream_id, None) is None:
            return []
        effects: list[Effect] = [EndViewer(stream_id, reason)]
        if self.camera_id:
            effects.append(TellHub(self.camera_id, len(self.viewers)))
        effects.append(ShowViewers())
        if not self.viewers:
            self.idle_since = now
            if self.camera in (Camera.ASKED, Camera.LOST):
                effects += self._stop_hub()
        return effects

    def dismiss(self, stream_ids: Iterable[str], now: float, reason: EndReason) -> list[Effect]:
        return [effect for stream_id in tuple(stream_ids) for effect in self.leave(stream_id, now, reason)]

    def viewer_up(self, stream_id: str) -> None:
        if viewer := self.viewers.get(stream_id):
            viewer.is_up = True

    def prolong(self, stream_id: str) -> bool:
        """Adds time, once; False when that was done before."""
        viewer = self.viewers.get(stream_id)
        if viewer is None or viewer.was_prolonged:
            return False
        viewer.was_prolonged = True
        viewer.ends_at += PROLONGED_BY_S
        return True

    def reoffer(self, now: float) -> list[Effect]:
        """What the hub sends has changed in kind: whoever looks needs another connection."""
        return [effect for viewer in self.viewers.values() for effect in self._offer(viewer, now)]

    def _offer(self, viewer: Viewer, now: float) -> list[Effect]:
        if viewer.offered_at is None:
            viewer.ends_at = now + viewer.seconds_left
        viewer.offered_at, viewer.is_up = now, False
        return [OfferViewer(viewer.stream_id)]

    # -- the hub

    def _ask_hub(self, now: float) -> list[Effect]:
        self.camera_id = self.new_id()
        self.camera, self.changed_at, self.asked_at = Camera.ASKED, now, now
        self.publishes_by_itself = False
        return [StartCamera(self.camera_id)]

    def _stop_hub(self) -> list[Effect]:
        camera_id, self.camera_id = self.camera_id, ""
        self.camera, self.lost_at, self.idle_since = Camera.IDLE, None, None
        self.publishes_by_itself = False
        return [StopCamera(camera_id)]

    def hub_publishes(self, camera_id: str, now: float) -> list[Effect]:
        """A hub begins by itself (WHIP)."""
        self.camera_id, self.publishes_by_itself = camera_id, True
        self.camera, self.changed_at = Camera.JOINING, now
        return [TellHub(camera_id, len(self.viewers)), *self._offer_waiting(now)]

    def hub_answered(self, now: float) -> list[Effect]:
        """Its offer was taken and answered; viewers who wait get theirs."""
        self.camera, self.changed_at = Camera.JOINING, now
        return self._offer_waiting(now)

    def _offer_waiting(self, now: float) -> list[Effect]:
        waiting = [viewer for viewer in self.viewers.values() if viewer.offered_at is None]
        return [effect for viewer in waiting for effect in self._offer(viewer, now)]

    def hub_up(self, now: float) -> None:
        if self.camera is Camera.JOINING:
            self.camera, self.changed_at, self.lost_at = Camera.LIVE, now, None

    def hub_over(self, now: float) -> list[Effect]:
        """Its connection ended. Who looks stays a while: hubs come back."""
        if self.camera not in (Camera.JOINING, Camera.LIVE):
            return []
        if not self.viewers:
            self.camera, self.camera_id, self.publishes_by_itself = Camera.IDLE, "", False
            return []
        self._lose(now)
        return []

    def _lose(self, now: float) -> None:
        self.camera, self.changed_at = Camera.LOST, now
        self.lost_at = now if self.lost_at is None else self.lost_at

    def hub_refused(self, camera_id: str, now: float) -> list[Effect]:
        if camera_id != self.camera_id or self.camera not in (Camera.ASKED, Camera.JOINING):
            return []
        return self.dismiss(self.viewers, now, "hub_refused")

    def hub_came_back(self, now: float) -> list[Effect]:
        """A new socket of the hub: it knows of no camera session any more."""
        if not self.viewers or self.publishes_by_itself:
            return []
        if self.lost_at is None and self.camera is not Camera.ASKED:
            self.lost_at = now
        return [*self._ask_hub(now), TellHub(self.camera_id, len(self.viewers))]

    # -- time

    def tick(self, now: float, silent_for: float | None) -> list[Effect]:
        """What is due. `silent_for`: seconds since the hub's last frame, None before the first."""
        effects: list[Effect] = []
        for viewer in tuple(self.viewers.values()):
            if viewer.offered_at is not None and now >= viewer.ends_at:
                effects += self.leave(viewer.stream_id, now, "time_limit")
            elif viewer.offered_at is not None and not viewer.is_up and now - viewer.offered_at >= CONNECT_WITHIN_S:
                effects += self.leave(viewer.stream_id, now, "timeout")
        return effects + self._judge_hub(now, silent_for)

    def _judge_hub(self, now: float, silent_for: float | None) -> list[Effect]:
        if self.camera is Camera.LOST and silent_for is not None and silent_for < 1:
            self.camera, self.lost_at = Camera.LIVE, None  # it was asked anew, and went on as it was
        if self.camera is Camera.ASKED and now - self.changed_at >= OFFER_WITHIN_S:
            return self._give_up(now)
        if self.camera is Camera.JOINING and now - self.changed_at >= CONNECT_WITHIN_S:
            return self._give_up(now)
        if self.camera is Camera.LIVE and silent_for is not None and silent_for > FROZEN_S and self.viewers:
            if self.lost_at is None:
                self.lost_at = now - silent_for
            if not self.publishes_by_itself and now - self.asked_at >= ASK_AGAIN_S:
                return [*self._ask_hub(now), TellHub(self.camera_id, len(self.viewers))]
        elif self.camera is Camera.LIVE:
            self.lost_at = None
        if self.lost_at is not None and now - self.lost_at >= LOST_FOR_S:
            return self.dismiss(self.viewers, now, "hub_offline")
        if self.camera is Camera.LOST and now - self.asked_at >= ASK_AGAIN_S and self.viewers:
            return [*self._ask_hub(now), TellHub(self.camera_id, len(self.viewers))]
        if self.idle_since is not None and now - self.idle_since >= LINGER_S and not self.publishes_by_itself:
            return self._stop_hub() if self.camera_id else []
        return []

    def _give_up(self, now: float) -> list[Effect]:
        """The hub did not come in time: who waited for a first picture is told, who had one waits on."""
        if not self.viewers:
            return self._stop_hub()
        waiting = [viewer.stream_id for viewer in self.viewers.values() if not viewer.is_up]
        if len(waiting) < len(self.viewers):
            self._lose(now)
        return self.dismiss(waiting, now, "timeout")
