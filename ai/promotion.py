"""Whether new weights go live: a rule over the figures of the candidate and of the weights that are live now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .calibration import FALSE_ALARMS_PER_WEEK

if TYPE_CHECKING:
    from collections.abc import Mapping

# An alarm a day teaches people to ignore alarms.
MOST_FALSE_ALARMS_PER_WEEK = 7.0
MOST_SLOWER_HOURS = 2.0
# Of a replay of a fortnight, in which a handful of days may be odd: so many alarms a week, and one more.
MOST_REPLAYED_ALARMS_PER_WEEK = 1.0


class Verdict(NamedTuple):
    """`status` is active, pending or rejected."""

    status: str
    reason: str


def judge_candidate(candidate: Mapping[str, Any], active: Mapping[str, Any] | None) -> Verdict:
    """Candidate against active, by false alarms on held-out days first and by quickness second.

    Within the target of false alarms the newer weights win, since habits change, unless they are clearly slower.
    """
    alarms = _figure(candidate, "false_alarms_per_week")
    if alarms is not None and alarms > MOST_FALSE_ALARMS_PER_WEEK:
        return Verdict("rejected", f"{alarms:g} false alarms a week, at most {MOST_FALSE_ALARMS_PER_WEEK:g} are let in")
    if active is None:
        return Verdict("active", "the first weights")
    if alarms is None:
        return Verdict("pending", "no false_alarms_per_week to compare")
    live_alarms = _figure(active, "false_alarms_per_week")
    bound = max(FALSE_ALARMS_PER_WEEK, live_alarms or 0.0)
    if alarms > bound:
        return Verdict("pending", f"{alarms:g} false alarms a week, the active weights allow {bound:g}")
    slower = (_figure(candidate, "mean_allowed_hours") or 0.0) - (_figure(active, "mean_allowed_hours") or 0.0)
    fewer = live_alarms is not None and alarms < live_alarms
    if slower > MOST_SLOWER_HOURS and not fewer:
        return Verdict("pending", f"{slower:.1f} h slower than the active weights and no fewer false alarms")
    return Verdict("active", f"{alarms:g} false alarms a week on held-out days")


def judge_replay(candidate: Mapping[str, Any], active: Mapping[str, Any]) -> Verdict | None:
    """What the last weeks, judged by both, have against the candidate; None for nothing.

    They were most likely among the days that it learned from: who rings on those rings more on others.
    """
    weeks, alarms = _figure(candidate, "weeks"), _figure(candidate, "alarms")
    if not weeks or alarms is None:
        return None
    if alarms > weeks * MOST_REPLAYED_ALARMS_PER_WEEK + 1:
        return Verdict("rejected", f"the last {weeks:g} weeks replayed: {alarms:g} alarms")
    live_alarms = _figure(active, "alarms")
    if live_alarms is not None and alarms > live_alarms + 1:
        return Verdict(
            "pending", f"the last {weeks:g} weeks replayed: {alarms:g} alarms, the active weights {live_alarms:g}"
        )
    hours, live_hours = _figure(candidate, "fall_hours"), _figure(active, "fall_hours")
    if hours is None or live_hours is None or live_alarms is None:
        return None
    if hours > live_hours + MOST_SLOWER_HOURS and alarms >= live_alarms:
        return Verdict(
            "pending", f"replayed falls are found after {hours:g} h, by the active weights after {live_hours:g} h"
        )
    return None


def _figure(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
