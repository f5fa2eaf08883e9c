"""How often an alarm was for nothing: by the sensor that was pressed, by the weights that judged, by kind.

An emergency counts once it is resolved, by its outcome; tests count nowhere. `equipment` was no real situation either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from django.db.models import Count, Q

from .absence_models import AutomaticCheck
from .models import EmergencyLog, EmergencySource, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seniors.models import Staff

R = TypeVar("R", "SensorRate", "ModelRate", "TypeRate")
FOUND_BY_MODELS = ["inactivity", "no_wake_up", "not_returned", "night_wandering", "routine_change"]


class Tally(NamedTuple):
    """Resolved emergencies by what they turned out to be."""

    real: int
    false_alarms: int
    equipment: int

    @property
    def judged(self) -> int:
        return sum(self)

    @property
    def rate(self) -> float:
        """The share that was for nothing, 0..1; 0 where nothing was judged."""
        return (self.false_alarms + self.equipment) / self.judged if self.judged else 0.0


class SensorRate(NamedTuple):
    senior_id: int
    hub_id: int
    sensor_id: str
    tally: Tally


class ModelRate(NamedTuple):
    """`weight_id` None: judged without weights of the senior's own."""

    senior_id: int
    weight_id: int | None
    tally: Tally


class TypeRate(NamedTuple):
    event_type: str
    tally: Tally


def sensor_rates(user: Staff, since: datetime) -> list[SensorRate]:
    """Of the buttons and detectors in the homes that `user` may know of; the most often for nothing first."""
    sources = EmergencySource.objects.filter(_judged("log__", since), hub_id__isnull=False)
    rows = sources.filter(log__in=EmergencyLog.objects.visible_to(user)).order_by()
    counted = rows.values("log__senior_id", "hub_id", "sensor_id").annotate(**_counts("log__"))
    rates = [SensorRate(row["log__senior_id"], row["hub_id"], row["sensor_id"], _tally(row)) for row in counted]
    return _worst_first(rates)


def model_rates(user: Staff, since: datetime) -> list[ModelRate]:
    """Of each senior's weights, as `sensor_rates`."""
    rows = EmergencyLog.objects.visible_to(user).filter(_judged("", since), event_type__in=FOUND_BY_MODELS).order_by()
    counted = rows.values("senior_id", "weight_id").annotate(**_counts(""))
    return _worst_first([ModelRate(row["senior_id"], row["weight_id"], _tally(row)) for row in counted])


def type_rates(user: Staff, since: datetime) -> list[TypeRate]:
    """Of each kind of emergency, as `sensor_rates`."""
    rows = EmergencyLog.objects.visible_to(user).filter(_judged("", since)).order_by()
    counted = rows.values("event_type").annotate(**_counts(""))
    return _worst_first([TypeRate(row["event_type"], _tally(row)) for row in counted])


def soft_alarm_outcomes(since: datetime) -> dict[str, int]:
    """What came of the questions that the robot asked by itself: how many by outcome. `ok` was for nothing."""
    ended = AutomaticCheck.objects.filter(created_at__gte=since, status=AutomaticCheck.Status.ENDED, log=None)
    return dict(ended.order_by().values_list("outcome").annotate(count=Count("pk")))


def _judged(path: str, since: datetime) -> Q:
    judged = {f"{path}status": EmergencyLog.Status.RESOLVED, f"{path}test": False, f"{path}resolved_at__gte": since}
    return Q(**judged) & ~Q(**{f"{path}outcome": Outcome.TEST})


def _counts(path: str) -> dict[str, Count]:
    """One emergency of several sources counts once."""
    names = {"real": Outcome.REAL, "false_alarms": Outcome.FALSE_ALARM, "equipment": Outcome.EQUIPMENT}
    return {
        name: Count(f"{path}pk", distinct=True, filter=Q(**{f"{path}outcome": outcome}))
        for name, outcome in names.items()
    }


def _tally(row: dict[str, int]) -> Tally:
    return Tally(row["real"], row["false_alarms"], row["equipment"])


def _worst_first(rates: Iterable[R]) -> list[R]:
    return sorted(rates, key=lambda rate: (-(rate.tally.judged - rate.tally.real), -rate.tally.rate))
