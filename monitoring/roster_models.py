"""Who is on duty when, how much faster than usual an alarm climbs, and who has a page open."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Senior, Staff

from .ladder_limits import LIMITS, SHORTEST


class Duty(models.Model):
    """A shift of one person: from `starts_at` until just before `ends_at`."""

    class Rung(models.TextChoices):
        FIRST = "first", _("1차")
        SECOND = "second", _("2차")

    duty_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="duties", verbose_name=_("직원"))
    starts_at = models.DateTimeField(_("시작"))
    ends_at = models.DateTimeField(_("끝"))
    rung = models.CharField(_("순서"), max_length=8, choices=Rung, default=Rung.FIRST)

    class Meta:
        db_table = "duties"
        verbose_name = _("당직")
        verbose_name_plural = pgettext_lazy("plural", "당직")
        ordering = ["starts_at", "duty_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="duty_ends_after_it_starts",
                violation_error_message=_("당직은 시작한 뒤에 끝나야 합니다."),
            ),
            models.UniqueConstraint(
                fields=["staff", "starts_at", "ends_at", "rung"],
                name="one_duty_once",
                violation_error_message=_("같은 당직이 이미 있습니다."),
            ),
        ]
        indexes = [
            # each alarm asks who is on duty now
            models.Index(fields=["ends_at"], name="duties_not_over"),
        ]

    def __str__(self) -> str:
        return f"{self.staff_id}:{self.rung}"


def _seconds(label: Any) -> models.PositiveSmallIntegerField[Any, Any]:
    return models.PositiveSmallIntegerField(label, null=True, blank=True)


def _only_shorter(column: str) -> models.CheckConstraint:
    least, most = SHORTEST[column], LIMITS[column]
    return models.CheckConstraint(
        condition=Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__range": (least, most)}),
        name=f"policy_{column}_only_shorter",
        violation_error_message=_("기본 시간보다 앞당길 수만 있고, 받은 사람이 답할 시간은 남아야 합니다."),
    )


class EscalationPolicy(models.Model):
    """How much sooner than by the usual ladder an alarm goes on: for one senior, or for everybody (`senior` empty).

    Each column is in seconds after the raising, empty for the usual time. It can only shorten (constraints hold it).
    """

    policy_id = models.AutoField(primary_key=True)
    senior = models.OneToOneField(
        Senior,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="escalation_policy",
        verbose_name=_("어르신"),
    )
    next_channel_s = _seconds(_("다음 수단으로 알림(초)"))
    first_s = _seconds(_("당직에게 알림(초)"))
    supervisors_s = _seconds(_("관리자에게 알림(초)"))
    repeat_s = _seconds(_("모두에게 다시 알림(초)"))
    medium_first_s = _seconds(_("주의 단계: 당직에게 알림(초)"))
    medium_supervisors_s = _seconds(_("주의 단계: 관리자에게 알림(초)"))
    robot_asks = models.BooleanField(
        _("움직임이 없으면 로봇이 먼저 물음"),
        default=False,
        help_text=_("움직임 없음·기상 안 함 알림이 생기면 로봇이 바로 안부를 묻습니다."),
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "escalation_policies"
        verbose_name = _("알림 단계")
        verbose_name_plural = pgettext_lazy("plural", "알림 단계")
        constraints = [
            models.UniqueConstraint(
                models.Value(1),
                condition=Q(senior__isnull=True),
                name="one_policy_for_everybody",
                violation_error_message=_("기관 전체의 알림 단계는 이미 있습니다. 그것을 고쳐 주세요."),
            ),
            *(_only_shorter(column) for column in LIMITS),
        ]

    def __str__(self) -> str:
        return str(self.senior) if self.senior else str(_("기관 전체"))


class PagePresence(models.Model):
    """When a page of this person was last open. An open page is not a person, but none at all is nobody."""

    staff = models.OneToOneField(Staff, primary_key=True, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "page_presence"

    def __str__(self) -> str:
        return str(self.staff_id)
