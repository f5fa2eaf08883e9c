"""Nobody waits longer than a month for a call or two for a visit; who worries the model is heard of sooner."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from monitoring import care_schedule, due_tasks
from monitoring.care_models import CarePlan
from monitoring.models import RiskState
from monitoring.notice_models import DueTask
from seniors.models import Senior

if TYPE_CHECKING:
    from seniors.models import Staff

pytestmark = pytest.mark.django_db


def enrolled(senior: Senior, days_ago: int) -> None:
    Senior.objects.filter(pk=senior.pk).update(created_at=Now() - timedelta(days=days_ago))


def kinds() -> list[str]:
    return sorted(DueTask.objects.filter(done_at=None).values_list("kind", flat=True))


def test_a_new_senior_is_due_for_nothing(senior: Senior) -> None:
    assert care_schedule.open_due() == 0


def test_a_call_is_due_after_a_month_and_a_visit_after_two(senior: Senior) -> None:
    enrolled(senior, 31)
    care_schedule.open_due()
    assert kinds() == ["call"]
    enrolled(senior, 61)
    care_schedule.open_due()
    assert kinds() == ["call", "visit"]


def test_again_it_opens_nothing(senior: Senior) -> None:
    enrolled(senior, 90)
    assert care_schedule.open_due() == 2
    assert care_schedule.open_due() == 0


def test_who_worries_the_model_is_called_within_a_week(senior: Senior) -> None:
    enrolled(senior, 8)
    RiskState.objects.create(senior=senior, level="warning", score=0.9, observed_at=timezone.now())
    care_schedule.open_due()
    assert kinds() == ["call"]


def test_a_plan_of_ones_own_stands_above(senior: Senior) -> None:
    enrolled(senior, 4)
    CarePlan.objects.create(senior=senior, calls_every_days=3)
    care_schedule.open_due()
    assert kinds() == ["call"]


def test_a_visit_counts_as_a_call_and_a_call_that_reached_nobody_for_nothing(senior: Senior, kim: Staff) -> None:
    enrolled(senior, 40)
    visit = due_tasks.open_task(senior.pk, DueTask.Kind.VISIT, "visit", key="a visit")
    due_tasks.finish_task(visit.pk, kim, "visited")
    assert care_schedule.open_due() == 0
    DueTask.objects.update(outcome="not_reached")
    assert care_schedule.open_due() == 1


def test_it_is_late_from_the_evening_of_its_day_on(senior: Senior) -> None:
    enrolled(senior, 30)
    care_schedule.open_due()
    due_at = timezone.localtime(DueTask.objects.get().due_at)
    assert (due_at.date(), due_at.hour) == (timezone.localdate(), care_schedule.DUE_HOUR)
