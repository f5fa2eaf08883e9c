"""Whether a view or a publishing hub may go on, read from rows: at every revocation, and each few seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from devices.models import HubKey, IoTHub
from seniors.enrollment import has_video_consent
from seniors.models import Senior, Staff

if TYPE_CHECKING:
    from collections.abc import Iterable


class RunningView(NamedTuple):
    stream_id: str
    staff_id: int
    break_glass: bool


class Verdict(NamedTuple):
    """`hub_is_gone`: deregistered. `key_is_dead`: the key that the hub publishes with."""

    hub_is_gone: bool
    key_is_dead: bool
    ended: dict[str, Literal["revoked", "no_consent"]]


def judge_home(hub_id: int, senior_id: int, prefix: str, views: Iterable[RunningView]) -> Verdict:
    """`prefix` is the publishing hub's key, "" while none publishes."""
    views = list(views)
    hub_is_gone = not IoTHub.objects.registered().filter(pk=hub_id).exists()
    key_is_dead = bool(prefix) and not HubKey.objects.live().filter(prefix=prefix).exists()
    ended: dict[str, Literal["revoked", "no_consent"]] = {}
    if views:
        has_consent = has_video_consent(senior_id)
        people = Staff.objects.in_bulk({view.staff_id for view in views})
        for view in views:
            staff = people.get(view.staff_id)
            if hub_is_gone or staff is None or not may_see(staff, senior_id):
                ended[view.stream_id] = "revoked"
            elif not has_consent and not view.break_glass:
                ended[view.stream_id] = "no_consent"
    return Verdict(hub_is_gone, key_is_dead, ended)


def may_see(staff: Staff, senior_id: int) -> bool:
    return not staff.is_guardian and Senior.objects.all().visible_to(staff).filter(pk=senior_id).exists()


def read_hub_readiness(hub_id: int) -> Literal["hub_offline"] | None:
    """None when the hub may be asked for its camera. One that is online without a socket is about to have one again."""
    online = IoTHub.objects.registered().filter(pk=hub_id, status=IoTHub.Status.ONLINE)
    return None if online.exists() else "hub_offline"
