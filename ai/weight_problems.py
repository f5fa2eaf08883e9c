"""Registered weights that a worker would not use: written down once, and told to the operators."""

from __future__ import annotations

import structlog
from django.db import transaction
from django.db.models.functions import Now

from monitoring.notification.operators import tell_operators

from .models import AIWeight, WeightProblem

log = structlog.get_logger(__name__)


def note_problem(weight_id: int, detail: str) -> WeightProblem:
    """The problem's row; the same again only moves its time. Raises AIWeight.DoesNotExist."""
    with transaction.atomic():
        weight = AIWeight.objects.get(pk=weight_id)
        problem, is_new = WeightProblem.objects.update_or_create(
            weight=weight, detail=detail[:300], defaults={"last_at": Now()}
        )
        if is_new:
            log.error("weights_refused_by_worker", senior_id=weight.senior_id, weight_id=weight_id, detail=detail)
            tell_operators(
                f"weights:{weight.senior_id}:{weight_id}",
                f"Weights v{weight.version} of senior {weight.senior_id} are not used: {detail}. "
                "The last good version serves. Train anew, or activate another version.",
            )
    return problem
