"""How often a senior is called and visited, and what one shift tells the next."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Senior, Staff

DAYS = [MinValueValidator(1), MaxValueValidator(90)]


class CarePlan(models.Model):
    """How many days may pass between calls and between visits; empty: by the senior's risk (care_schedule)."""

    senior = models.OneToOneField(
        Senior, primary_key=True, on_delete=models.CASCADE, related_name="care_plan", verbose_name=_("어르신")
    )
    calls_every_days = models.PositiveSmallIntegerField(_("전화 간격(일)"), null=True, blank=True, validators=DAYS)
    visits_every_days = models.PositiveSmallIntegerField(_("방문 간격(일)"), null=True, blank=True, validators=DAYS)

    class Meta:
        db_table = "care_plans"
        verbose_name = _("돌봄 일정")
        verbose_name_plural = pgettext_lazy("plural", "돌봄 일정")

    def __str__(self) -> str:
        return str(self.senior_id)


class ShiftNote(models.Model):
    """What a person wants the next shift to know. Append-only."""

    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=2000)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "shift_notes"
        verbose_name = _("교대 메모")
        verbose_name_plural = pgettext_lazy("plural", "교대 메모")
        ordering = ["-id"]
        indexes = [models.Index(fields=["-created_at"], name="shift_notes_newest")]

    def __str__(self) -> str:
        return f"{self.staff_id}:{self.created_at}"
