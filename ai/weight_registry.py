"""The register of weights: the only writer of `ai_weights`. Runs in the backend, never in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from seniors.models import Senior

from .artifact import LARGEST, ForeignWeights, UnreadableWeights
from .gate import replay_both
from .habit_weights import unpack_habits
from .models import AIWeight, WeightActivation
from .object_store import ObjectMissing, read_object
from .promotion import Verdict, judge_candidate, judge_replay
from .weight_store import DigestMismatch, check_digest

if TYPE_CHECKING:
    from datetime import datetime

    from seniors.models import Staff

    from .habits import Habits


class WeightsRefused(ValueError):
    """These weights cannot be registered, now or later; `code` is the contract's word for it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class WeightsRejected(ValueError):
    """Weights that were rejected when they were registered do not go live by hand either."""


@dataclass(frozen=True)
class Application:
    """What a training worker says about weights that it has put into the object store."""

    senior_id: int
    storage_path: str
    sha256: str
    size: int
    trained_from: datetime
    trained_to: datetime
    metrics: dict[str, Any]


def active_weights(senior_id: int) -> AIWeight | None:
    return AIWeight.objects.filter(senior_id=senior_id, is_active=True).first()


def weights_of_version(senior_id: int, version: int) -> AIWeight | None:
    return AIWeight.objects.filter(senior_id=senior_id, version=version).first()


def live_at(senior_id: int, at: datetime) -> WeightActivation | None:
    """Which weights were live at that moment, as the activation that made them so."""
    activations = WeightActivation.objects.filter(senior_id=senior_id, activated_at__lte=at)
    return activations.select_related("weight").order_by("-activated_at", "-pk").first()


def register_weights(application: Application) -> tuple[AIWeight, bool]:
    """The row of these weights, and whether it is new. The same content again is the row as it is now.

    Raises WeightsRefused, Senior.DoesNotExist and ObjectStoreAway.
    """
    if known := _find_same(application):
        return known, False
    habits = check_original(application)
    replayed, live_replayed = replay_both(application.senior_id, habits, active_weights(application.senior_id))
    with transaction.atomic():
        # versions are given out one after the other, and only one of two rivals finds itself the first
        Senior.objects.select_for_update().get(pk=application.senior_id)
        if known := _find_same(application):
            return known, False
        active = active_weights(application.senior_id)
        verdict = judge_candidate(application.metrics, active.metrics if active else None)
        if verdict.status != AIWeight.Status.REJECTED:
            verdict = judge_replay(replayed, live_replayed) or verdict
        weight = _insert(application, verdict, replayed)
        if verdict.status == AIWeight.Status.ACTIVE:
            _make_live(weight, None, verdict.reason)
    return weight, True


def check_original(application: Application) -> Habits:
    """Reads the object and makes sure that it is what was applied for. Raises WeightsRefused and ObjectStoreAway."""
    if not application.storage_path.startswith(f"weights/{application.senior_id}/"):
        raise WeightsRefused("foreign_senior", f"storage_path must begin with weights/{application.senior_id}/")
    try:
        data = read_object(application.storage_path, LARGEST)
        check_digest(data, application.sha256, application.size)
        return unpack_habits(data, application.senior_id)[1]
    except ObjectMissing as error:
        raise WeightsRefused("object_missing", f"no object {application.storage_path}: upload it first") from error
    except DigestMismatch as error:
        raise WeightsRefused("digest_mismatch", str(error)) from error
    except ForeignWeights as error:
        raise WeightsRefused("foreign_senior", str(error)) from error
    except UnreadableWeights as error:
        raise WeightsRefused("unreadable", str(error)) from error


def activate_weights(weight_id: int, by: Staff) -> AIWeight:
    """Rolls back or forward to these weights; again, it changes nothing.

    Raises AIWeight.DoesNotExist and WeightsRejected.
    """
    with transaction.atomic():
        senior_id = AIWeight.objects.values_list("senior_id", flat=True).get(pk=weight_id)
        Senior.objects.select_for_update().get(pk=senior_id)
        weight = AIWeight.objects.get(pk=weight_id)
        if weight.status == AIWeight.Status.REJECTED:
            raise WeightsRejected(weight.reason)
        if not weight.is_active:
            _make_live(weight, by, "chosen by hand")
    return weight


def promote(weight_id: int, reason: str) -> AIWeight | None:
    """Puts a waiting version to work, if it still waits."""
    with transaction.atomic():
        senior_id = AIWeight.objects.values_list("senior_id", flat=True).get(pk=weight_id)
        Senior.objects.select_for_update().get(pk=senior_id)
        weight = AIWeight.objects.filter(pk=weight_id, status=AIWeight.Status.PENDING).first()
        if weight is not None:
            _make_live(weight, None, reason)
    return weight


def roll_back(weight_id: int, reason: str) -> AIWeight | None:
    """Puts the version to work that was live before these weights, if they are live still. None when there is none.

    Weights that were rolled back once are nobody's refuge: `reason` stays with them.
    """
    with transaction.atomic():
        senior_id = AIWeight.objects.values_list("senior_id", flat=True).get(pk=weight_id)
        Senior.objects.select_for_update().get(pk=senior_id)
        bad = AIWeight.objects.filter(pk=weight_id, is_active=True).first()
        former = find_refuge(senior_id, weight_id)
        if bad is None or former is None:
            return None
        _make_live(former, None, reason)
        AIWeight.objects.filter(pk=weight_id).update(rolled_back_at=Now(), reason=reason[:300])
    return former


def find_refuge(senior_id: int, weight_id: int) -> AIWeight | None:
    """Of the versions that were live and never had to be rolled back, the one that was live last."""
    good = WeightActivation.objects.filter(
        senior_id=senior_id, weight__status=AIWeight.Status.SUPERSEDED, weight__rolled_back_at__isnull=True
    )
    last = good.exclude(weight_id=weight_id).select_related("weight").order_by("-activated_at", "-pk").first()
    return last.weight if last else None


def _find_same(application: Application) -> AIWeight | None:
    return AIWeight.objects.filter(senior_id=application.senior_id, sha256=application.sha256).first()


def _insert(application: Application, verdict: Verdict, replayed: dict[str, Any]) -> AIWeight:
    of_senior = AIWeight.objects.filter(senior_id=application.senior_id)
    latest = of_senior.aggregate(latest=Max("version"))["latest"] or 0
    waiting = verdict.status == AIWeight.Status.ACTIVE
    return AIWeight.objects.create(
        senior_id=application.senior_id,
        version=latest + 1,
        storage_path=application.storage_path,
        sha256=application.sha256,
        size=application.size,
        trained_from=application.trained_from,
        trained_to=application.trained_to,
        metrics=application.metrics,
        status=AIWeight.Status.PENDING if waiting else verdict.status,
        reason=verdict.reason,
        replay=replayed,
    )


def _make_live(weight: AIWeight, by: Staff | None, reason: str) -> None:
    """Within a transaction that holds the senior's row."""
    AIWeight.objects.filter(senior_id=weight.senior_id, is_active=True).update(
        is_active=False, status=AIWeight.Status.SUPERSEDED
    )
    may_go_live = AIWeight.objects.filter(
        pk=weight.pk, is_active=False, status__in=[AIWeight.Status.PENDING, AIWeight.Status.SUPERSEDED]
    )
    if may_go_live.update(is_active=True, status=AIWeight.Status.ACTIVE) != 1:
        raise WeightsRejected(weight.reason)
    WeightActivation.objects.create(weight=weight, senior_id=weight.senior_id, by=by, reason=reason)
    weight.refresh_from_db()
