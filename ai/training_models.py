"""Training as rows: what was asked for, how far it is, what became of each senior. Written by the backend alone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Senior, Staff


class TrainingRun(models.Model):
    """Seniors whose weights were to be fitted together."""

    class Kind(models.TextChoices):
        NIGHTLY = "nightly", _("야간 학습")
        BY_HAND = "by_hand", _("직접 요청")

    run_id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("종류"), max_length=16, choices=Kind)
    started_at = models.DateTimeField(_("시작"), db_default=Now())
    started_by = models.ForeignKey(
        Staff, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("요청한 사람")
    )

    class Meta:
        db_table = "training_runs"
        verbose_name = _("가중치 학습")
        verbose_name_plural = pgettext_lazy("plural", "가중치 학습")
        ordering = ["-run_id"]

    def __str__(self) -> str:
        return f"{self.run_id}"


class TrainingJob(models.Model):
    """One senior of a run. `active`, `pending` and `rejected` are what the registry said of the new weights."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("대기 중")
        RUNNING = "running", _("학습 중")
        ACTIVE = "active", _("새 버전 사용")
        PENDING = "pending", _("새 버전 대기")
        REJECTED = "rejected", _("거절됨")
        SKIPPED = "skipped", _("건너뜀")
        FAILED = "failed", _("실패")

    UNFINISHED: ClassVar[list[str]] = ["queued", "running"]

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="jobs", verbose_name=_("학습"))
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="+", verbose_name=_("어르신"))
    status = models.CharField(_("상태"), max_length=16, choices=Status, default=Status.QUEUED)
    reason = models.CharField(_("사유"), max_length=300, blank=True)
    version = models.IntegerField(_("버전"), null=True)
    attempts = models.SmallIntegerField(_("시도"), default=0)
    queued_at = models.DateTimeField(_("요청"), db_default=Now())
    changed_at = models.DateTimeField(_("변경"), db_default=Now())

    class Meta:
        db_table = "training_jobs"
        verbose_name = _("어르신별 학습")
        verbose_name_plural = pgettext_lazy("plural", "어르신별 학습")
        ordering = ["-run", "senior__full_name"]
        constraints = [
            models.UniqueConstraint(fields=["run", "senior"], name="one_job_a_senior_and_run"),
        ]
        indexes = [
            # who is due: the newest job of each senior
            models.Index(fields=["senior", "-queued_at"], name="training_jobs_of_senior"),
            models.Index(
                fields=["changed_at"], condition=Q(status__in=["queued", "running"]), name="training_unfinished"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.senior_id}"
