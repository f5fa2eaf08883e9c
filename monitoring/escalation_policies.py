"""How fast an alarm climbs for a senior: the usual times, shortened by the policies of everybody and of the senior."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from .ladder import times_for
from .ladder_limits import LIMITS
from .roster_models import EscalationPolicy

if TYPE_CHECKING:
    from .ladder import Times

QUIET_HOME = frozenset({"inactivity", "no_wake_up"})


def times_of(senior_id: int, severity: str) -> Times:
    policies = EscalationPolicy.objects.filter(Q(senior=senior_id) | Q(senior=None))
    return times_for(severity, policies.values(*LIMITS))


def lets_robot_ask(senior_id: int, event_type: str) -> bool:
    """Whether an emergency of that kind has the robot ask by itself; the senior's own policy goes before the other."""
    if event_type not in QUIET_HOME:
        return False
    policies = EscalationPolicy.objects.filter(Q(senior=senior_id) | Q(senior=None))
    chosen = policies.order_by("senior_id").values_list("robot_asks", flat=True)  # PostgreSQL sorts nulls last
    return bool(chosen.first())
