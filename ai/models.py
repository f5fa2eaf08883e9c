"""Weights and who may work with them. `ai_weights` is written by the registry alone, never by a worker."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Senior, Staff

from .training_models import TrainingJob, TrainingRun

__all__ = ["AIWeight", "ServiceAccount", "TrainingJob", "TrainingRun", "WeightActivation", "WeightProblem"]


class AIWeight(models.Model):
    """One version of a senior's weights. The bytes are in the object store; `sha256` says which bytes."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("사용 중")
        PENDING = "pending", _("대기")
        REJECTED = "rejected", _("거절됨")
        SUPERSEDED = "superseded", _("교체됨")

    weight_id = models.AutoField(primary_key=True)
    senior = models.ForeignKey(Senior, on_delete=models.PROTECT, related_name="weights", verbose_name=_("어르신"))
    version = models.IntegerField(_("버전"))
    storage_path = models.CharField(_("저장 경로"), max_length=300)
    is_active = models.BooleanField(_("사용 중"), default=False)
    created_at = models.DateTimeField(_("생성일"), db_default=Now())
    sha256 = models.CharField(max_length=64)
    size = models.IntegerField(_("크기"))
    trained_from = models.DateTimeField(_("학습 시작"))
    trained_to = models.DateTimeField(_("학습 끝"))
    metrics = models.JSONField(_("지표"), default=dict)
    status = models.CharField(_("상태"), max_length=16, choices=Status)
    reason = models.CharField(_("사유"), max_length=300, blank=True)
    rolled_back_at = models.DateTimeField(_("되돌림"), null=True, blank=True)
    replay = models.JSONField(_("재현"), default=dict, help_text="the last weeks judged by it at registration")
    shadow = models.JSONField(_("그림자 실행"), default=dict, help_text="the days since, judged by it while it waits")

    class Meta:
        db_table = "ai_weights"
        verbose_name = _("가중치")
        verbose_name_plural = _("가중치")
        ordering = ["senior", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["senior", "version"], name="one_row_a_version"),
            models.UniqueConstraint(fields=["senior", "sha256"], name="one_row_a_content"),
            models.UniqueConstraint(fields=["senior"], condition=Q(is_active=True), name="one_active_a_senior"),
            models.CheckConstraint(
                condition=Q(is_active=True, status="active") | Q(is_active=False) & ~Q(status="active"),
                name="active_is_said_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.senior_id} v{self.version}"


class WeightActivation(models.Model):
    """Which version went live when. Append-only: what was live at T is the last row before T."""

    weight = models.ForeignKey(AIWeight, on_delete=models.PROTECT, related_name="activations")
    senior = models.ForeignKey(Senior, on_delete=models.PROTECT, related_name="+")
    activated_at = models.DateTimeField(_("시각"), db_default=Now())
    by = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("직원"))
    reason = models.CharField(_("사유"), max_length=300)

    class Meta:
        db_table = "weight_activations"
        verbose_name = _("가중치 교체 기록")
        verbose_name_plural = pgettext_lazy("plural", "가중치 교체 기록")
        indexes = [
            # "which was live at T" takes the newest row before T
            models.Index(fields=["senior", "-activated_at"], name="weight_activations_of_senior"),
        ]

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.weight_id}"


class WeightProblem(models.Model):
    """Registered weights whose bytes a worker would not use: corrupt, missing, foreign, or of a newer program."""

    weight = models.ForeignKey(AIWeight, on_delete=models.CASCADE, related_name="problems")
    detail = models.CharField(_("내용"), max_length=300)
    first_at = models.DateTimeField(_("처음"), db_default=Now())
    last_at = models.DateTimeField(_("마지막"), db_default=Now())

    class Meta:
        db_table = "weight_problems"
        verbose_name = _("가중치 문제")
        verbose_name_plural = pgettext_lazy("plural", "가중치 문제")
        constraints = [models.UniqueConstraint(fields=["weight", "detail"], name="one_row_a_problem")]

    def __str__(self) -> str:
        return f"{self.weight_id}: {self.detail}"


class ServiceAccount(models.Model):
    """An AI worker's identity. Only a keyed hash of its key is kept."""

    name = models.CharField(_("이름"), max_length=64, unique=True)
    key_prefix = models.CharField(max_length=32, unique=True)
    key_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("생성일"), db_default=Now())
    revoked_at = models.DateTimeField(_("폐기일"), null=True, blank=True)

    class Meta:
        db_table = "service_accounts"
        verbose_name = _("서비스 계정")
        verbose_name_plural = pgettext_lazy("plural", "서비스 계정")

    def __str__(self) -> str:
        return self.name

    @property
    def is_authenticated(self) -> bool:
        """A principal that has proved itself, as REST framework's permissions ask."""
        return True
