"""The trace of every view through a robot's camera."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Senior, Staff


class CameraView(models.Model):
    """One person's view: asked for with a reason, seen from `live_at` on, over at `ended_at` because of `end_reason`.

    `break_glass` says that the senior had given no consent: such a view waits for its review.
    """

    class End(models.TextChoices):
        TOO_MANY_VIEWERS = "too_many_viewers", _("동시 열람 인원 초과")
        HUB_OFFLINE = "hub_offline", _("홈 허브 연결 끊김")
        HUB_REFUSED = "hub_refused", _("로봇이 거절함")
        NO_CONSENT = "no_consent", _("동의 철회")
        TIMEOUT = "timeout", _("응답 없음")
        TIME_LIMIT = "time_limit", _("시간 만료")
        STOPPED = "stopped", _("열람 종료")
        REVOKED = "revoked", _("권한 종료")

    view_id = models.BigAutoField(primary_key=True)
    stream_id = models.CharField(max_length=64, unique=True)
    senior = models.ForeignKey(Senior, on_delete=models.PROTECT, related_name="+", verbose_name=_("어르신"))
    staff = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+", verbose_name=_("직원"))
    reason = models.CharField(_("사유"), max_length=300)
    break_glass = models.BooleanField(_("동의 없는 긴급 열람"), default=False)
    requested_at = models.DateTimeField(_("요청"), db_default=Now())
    live_at = models.DateTimeField(_("시작"), null=True, blank=True)
    ended_at = models.DateTimeField(_("종료"), null=True, blank=True)
    end_reason = models.CharField(_("종료 사유"), max_length=24, choices=End, blank=True)
    reviewed_at = models.DateTimeField(_("검토"), null=True, blank=True)
    reviewed_by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    review_note = models.CharField(_("검토 의견"), max_length=300, blank=True)

    class Meta:
        db_table = "camera_views"
        verbose_name = _("영상 열람")
        verbose_name_plural = pgettext_lazy("plural", "영상 열람")
        ordering = ["-view_id"]
        indexes = [
            # the pages of senior and family: who looked, newest first
            models.Index(fields=["senior", "-view_id"], name="camera_views_of_senior"),
            models.Index(
                fields=["view_id"],
                condition=Q(break_glass=True, reviewed_at__isnull=True),
                name="camera_views_to_review",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.staff_id}"


class ViewToken(models.Model):
    """Lets a player without cookies begin one view by WHEP, within a minute. Only its digest is kept."""

    token_hash = models.CharField(primary_key=True, max_length=64)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="+")
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=300)
    session = models.CharField(
        max_length=64, help_text="digest of the session that asked for it: the view ends with it"
    )
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "view_tokens"

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.staff_id}"
