"""What people are to be told that is no emergency, and what is to be done today."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from devices.models import Fault
from seniors.models import Senior, Staff


class Notice(models.Model):
    """One thing told to one person. Words are made from `kind` and `values` when it is read."""

    class Kind(models.TextChoices):
        HUB_OFFLINE = "hub_offline"
        CHECK_UNDELIVERABLE = "check_undeliverable"
        SOFT_ALARM_CALL = "soft_alarm_call"
        IS_BACK = "is_back"
        ABSENCE_ENDED = "absence_ended"
        ROSTER_GAP = "roster_gap"
        DUTY_UNREACHABLE = "duty_unreachable"

    notice_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=32, choices=Kind)
    senior = models.ForeignKey(Senior, null=True, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=300, help_text="the same one tells a person once")
    values = models.JSONField(default=dict)
    rings = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now(), help_text="the staff feed looks for newer ones")
    seen_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True, help_text="what it told of is over")

    class Meta:
        db_table = "notices"
        constraints = [models.UniqueConstraint(fields=["staff", "key"], name="one_notice_a_person")]
        indexes = [
            models.Index(
                fields=["staff", "-notice_id"],
                condition=Q(seen_at__isnull=True, closed_at__isnull=True),
                name="notices_open",
            ),
            models.Index(fields=["changed_at"], name="notices_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.staff_id}:{self.kind}"


class DueTask(models.Model):
    """Something to do for a senior: a call, a visit, a question. Opened by the system, a schedule or a person."""

    class Kind(models.TextChoices):
        CALL = "call", _("전화")
        VISIT = "visit", _("방문")
        IS_BACK = "is_back", _("귀가 확인")

    class Outcome(models.TextChoices):
        REACHED = "reached", _("통화함")
        NOT_REACHED = "not_reached", _("연락 안 됨")
        VISITED = "visited", _("방문함")
        NOT_NEEDED = "not_needed", _("필요 없음")

    task_id = models.BigAutoField(primary_key=True)
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="tasks", verbose_name=_("어르신"))
    kind = models.CharField(_("종류"), max_length=16, choices=Kind)
    code = models.CharField(_("이유"), max_length=32, help_text="why: check_undeliverable, soft_alarm_impossible, ...")
    values = models.JSONField(default=dict)
    key = models.CharField(max_length=300, unique=True, help_text="the same cause opens one task")
    due_at = models.DateTimeField(_("할 때"), db_default=Now())
    created_at = models.DateTimeField(_("생긴 때"), db_default=Now())
    created_by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    done_at = models.DateTimeField(_("한 때"), null=True, blank=True)
    done_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("한 사람")
    )
    outcome = models.CharField(_("결과"), max_length=16, choices=Outcome, blank=True)
    note = models.CharField(_("메모"), max_length=1000, blank=True)

    class Meta:
        db_table = "due_tasks"
        verbose_name = _("할 일")
        verbose_name_plural = pgettext_lazy("plural", "할 일")
        ordering = ["due_at", "task_id"]
        indexes = [models.Index(fields=["due_at"], condition=Q(done_at__isnull=True), name="tasks_open")]

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.kind}"


class FaultAlert(models.Model):
    """When people are told of a fault that lasts, and when they were."""

    fault = models.OneToOneField(Fault, primary_key=True, on_delete=models.CASCADE, related_name="alert")
    due_at = models.DateTimeField()
    supervisors_due_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    told_supervisors_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "fault_alerts"
        indexes = [
            # the watchdog looks each second; nearly all rows were told long ago
            models.Index(
                fields=["supervisors_due_at"], condition=Q(told_supervisors_at__isnull=True), name="faults_due"
            ),
        ]

    def __str__(self) -> str:
        return str(self.fault_id)
