"""Safety checks that nobody asked for by hand: one for each soft alarm, one for a quiet home where policy says so.

A soft alarm is a risk of `warning` with an episode. Its check rings nobody; `ok` ends it, `help` and no answer raise.
Where the robot cannot be asked within five minutes, or could not be reached, somebody is to call.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from devices import safety_checks
from devices.models import IoTHub

from . import escalation
from .absence_models import Absence, AutomaticCheck
from .absences import NOBODY_HOME
from .due_tasks import open_task
from .escalation_policies import lets_robot_ask
from .models import EmergencyLog, RiskState
from .notice_models import DueTask, Notice
from .notices import tell
from .recipients import first_reached
from .transitions import record_transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db.models import QuerySet

    from devices.models import SafetyCheck

Status = AutomaticCheck.Status
GIVEN_UP_AFTER = timedelta(minutes=5)
CALM = [RiskState.Level.NORMAL, RiskState.Level.WATCH]  # no data, as of a hub that is away, says nothing of the kind
NOTE_SOFT_ALARMS = """
    INSERT INTO automatic_checks (key, senior_id, status, outcome, created_at, give_up_at)
    SELECT 'risk:' || senior_id || ':' || episode, senior_id, 'waiting', '', statement_timestamp(),
        statement_timestamp() + make_interval(secs => %s)
    FROM risk_states
    WHERE senior_id = ANY(%s) AND reported_level = 'warning' AND episode <> '' AND NOT EXISTS (
        SELECT FROM absences
        WHERE absences.senior_id = risk_states.senior_id AND ended_at IS NULL AND kind = ANY(%s)
            AND starts_at <= statement_timestamp() AND ends_at > statement_timestamp()
    )
    ON CONFLICT (key) DO NOTHING
"""


def note_soft_alarms(senior_ids: Sequence[int]) -> int:
    """Whoever of these is at `warning` with an episode not known yet is to be asked; in the risks' transaction."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_SOFT_ALARMS, [GIVEN_UP_AFTER.total_seconds(), list(senior_ids), NOBODY_HOME])
        return int(cursor.rowcount)


def ask_for(log: EmergencyLog) -> None:
    """Has the robot ask because of this emergency, where policy says so; in the transaction that raised it."""
    if not log.test and lets_robot_ask(log.senior_id, log.event_type):
        AutomaticCheck.objects.create(
            key=f"log:{log.pk}", senior_id=log.senior_id, log=log, give_up_at=Now() + GIVEN_UP_AFTER
        )


def due_steps(limit: int = 20) -> Iterator[tuple[str, Callable[[], int]]]:
    """What can be asked now, need not be asked any more, or cannot be asked in time."""
    sweeps: list[tuple[str, QuerySet[AutomaticCheck], Callable[[int], bool]]] = [
        ("robot_need_not_ask", _needless(), call_off),
        ("robot_asks", _askable(), ask),
        ("robot_cannot_ask", _waiting().filter(give_up_at__lte=Now()), give_up),
    ]
    for name, due, step in sweeps:
        for pk in list(due.order_by("pk").values_list("pk", flat=True)[:limit]):
            yield name, partial(step, pk)


@transaction.atomic
def ask(pk: int) -> bool:
    """Asks the robot; a check that runs already is the one. False when another was faster or there is no hub."""
    waiting = (
        _waiting().filter(pk=pk).select_for_update(skip_locked=True, of=("self",)).select_related("senior").first()
    )
    if waiting is None:
        return False
    try:
        check = safety_checks.request(waiting.senior, None)
    except safety_checks.NoHub:
        return False
    AutomaticCheck.objects.filter(pk=pk).update(status=Status.ASKED, safety_check=check)
    return True


@transaction.atomic
def call_off(pk: int) -> bool:
    """All is well again, or the senior is not there. Nobody was asked, so what comes back asks after all."""
    deleted, _ = _waiting().filter(pk=pk).delete()
    return deleted > 0


@transaction.atomic
def give_up(pk: int) -> bool:
    """The robot could not be asked in time: somebody is to call. False if another was faster."""
    if not _waiting().filter(pk=pk).update(status=Status.ENDED, outcome="impossible"):
        return False
    gone = AutomaticCheck.objects.select_related("log").get(pk=pk)
    if gone.log:
        record_transition(gone.log, "safety_check", status="impossible")
    else:
        _have_somebody_call(gone.senior_id, "soft_alarm_impossible", gone.key, Notice.Kind.SOFT_ALARM_CALL)
    return True


@transaction.atomic
def take_answer(check: SafetyCheck, answer: str) -> None:
    """Notes what came of it; in the transaction that ended the check. An undeliverable one, whoever asked, becomes a
    call, and takes an emergency that had asked to its next rung."""
    asked = AutomaticCheck.objects.filter(safety_check=check, status=Status.ASKED)
    log_ids = list(asked.exclude(log=None).values_list("log_id", flat=True))
    asked.update(status=Status.ENDED, outcome=answer)
    if answer != "undeliverable":
        return
    key = f"check:{check.pk}"
    _have_somebody_call(check.senior_id, "check_undeliverable", key, Notice.Kind.CHECK_UNDELIVERABLE)
    for log_id in log_ids:
        escalation.climb_now(log_id)


def _have_somebody_call(senior_id: int, code: str, key: str, kind: Notice.Kind) -> None:
    open_task(senior_id, DueTask.Kind.CALL, code, key=key)
    _, people = first_reached(senior_id)
    tell(people, kind, key, senior_id=senior_id, rings=True)


def _waiting() -> QuerySet[AutomaticCheck]:
    return AutomaticCheck.objects.filter(status=Status.WAITING)


def _askable() -> QuerySet[AutomaticCheck]:
    online = IoTHub.objects.registered().filter(senior=OuterRef("senior"), status=IoTHub.Status.ONLINE)
    return _waiting().filter(Exists(online))


def _needless() -> QuerySet[AutomaticCheck]:
    calm = RiskState.objects.filter(senior=OuterRef("senior"), reported_level__in=CALM)
    away = Absence.objects.lasting().filter(senior=OuterRef("senior"), kind__in=NOBODY_HOME)
    soft = Q(log=None) & (Exists(calm) | Exists(away))
    return _waiting().filter(soft | Q(log__status=EmergencyLog.Status.RESOLVED))
