"""What was sensed, and what we do about it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar, cast

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from timescale.db.models.fields import TimescaleDateTimeField

from seniors.models import Senior, Staff
from seniors.scoping import narrow

from .absence_models import Absence, AutomaticCheck  # noqa: F401 - part of the app's models
from .camera_models import CameraView, ViewToken  # noqa: F401
from .care_models import CarePlan, ShiftNote  # noqa: F401 - part of the app's models
from .notice_models import DueTask, FaultAlert, Notice  # noqa: F401
from .notification.models import (  # noqa: F401
    DeliveryReceipt,
    Notification,
    NotificationAttempt,
    NotificationEndpoint,
)
from .roster_models import Duty, EscalationPolicy, PagePresence  # noqa: F401

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class SensorLog(models.Model):
    """One sensor event of a home, in the time-series database. The four columns of its identity are its key."""

    pk = models.CompositePrimaryKey("hub_id", "timestamp", "sensor_id", "sensor_value")
    hub_id = models.IntegerField()
    timestamp = TimescaleDateTimeField(interval="7 days")
    sensor_id = models.CharField(max_length=64)
    sensor_value = models.BooleanField()
    event_content = models.CharField(max_length=200)

    class Meta:
        db_table = "sensor_logs"
        verbose_name = _("센서 기록")
        verbose_name_plural = pgettext_lazy("plural", "센서 기록")

    def __str__(self) -> str:
        return f"{self.hub_id}:{self.sensor_id}"


class SensorHour(models.Model):
    """Sensor events of one sensor in one hour. Read-only: TimescaleDB's continuous aggregate, or a view that counts the
    same (monitoring/hypertable.py)."""

    pk = models.CompositePrimaryKey("bucket", "hub_id", "sensor_id")
    bucket = models.DateTimeField()
    hub_id = models.IntegerField()
    sensor_id = models.CharField(max_length=64)
    events = models.BigIntegerField()

    class Meta:
        db_table = "sensor_hours"
        managed = False

    def __str__(self) -> str:
        return f"{self.hub_id}:{self.sensor_id}"


class IngestBatch(models.Model):
    """One row per commit into `sensor_logs`, so that scoring reads what is new without a second index there.

    `txid` is the writing transaction: readers take rows below `pg_snapshot_xmin`, which late commits cannot slip past.
    """

    batch_id = models.BigAutoField(primary_key=True)
    txid = models.BigIntegerField(
        db_default=Func(template="(pg_current_xact_id()::text::bigint)", output_field=models.BigIntegerField())
    )
    hub_id = models.IntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    events = models.IntegerField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "ingest_batches"
        indexes = [
            # a scoring tick asks for what came since its cursor
            models.Index(fields=["txid"], name="ingest_batches_since"),
        ]

    def __str__(self) -> str:
        return f"{self.hub_id}:{self.txid}"


class EventType(models.TextChoices):
    SOS = "sos", _("긴급 호출")
    FALL_DETECTION = "fall_detection", _("낙상 감지")
    FIRE = "fire", _("화재")
    GAS = "gas", _("가스 누출")
    INACTIVITY = "inactivity", _("움직임 없음")
    NO_WAKE_UP = "no_wake_up", _("기상 안 함")
    NOT_RETURNED = "not_returned", _("귀가 안 함")
    SAFETY_CHECK_FAILED = "safety_check_failed", _("안전 확인 실패")
    NIGHT_WANDERING = "night_wandering", _("야간 배회")
    ROUTINE_CHANGE = "routine_change", _("생활 변화")


class Severity(models.TextChoices):
    CRITICAL = "critical", _("위급")
    HIGH = "high", _("긴급")
    MEDIUM = "medium", _("주의")


class Outcome(models.TextChoices):
    REAL = "real", _("실제 상황")
    FALSE_ALARM = "false_alarm", _("오경보")
    EQUIPMENT = "equipment", _("기기 문제")
    TEST = "test", _("시험")


class Progress(models.TextChoices):
    """What an owner says that they do about an emergency."""

    STILL_ON_IT = "still_on_it", _("계속 확인 중")
    ON_MY_WAY = "on_my_way", _("가는 중")
    ON_SITE = "on_site", _("현장 도착")
    CALLED_119 = "called_119", _("119 신고함")


class EmergencyQuerySet(models.QuerySet["EmergencyLog"]):
    def visible_to(self, user: Staff | AnonymousUser) -> EmergencyQuerySet:
        return cast("EmergencyQuerySet", narrow(self, user))

    def unresolved(self) -> EmergencyQuerySet:
        return self.filter(status__in=EmergencyLog.UNRESOLVED)


class EmergencyLog(models.Model):
    """An incident about a senior: open, acknowledged by an owner, resolved with an outcome.

    Only `monitoring.alerting`, `monitoring.escalation` and `monitoring.ownership` write this table.
    """

    class Status(models.TextChoices):
        OPEN = "open", _("미접수")
        ACKNOWLEDGED = "acknowledged", _("접수됨")
        RESOLVED = "resolved", _("종료")

    UNRESOLVED: ClassVar[list[str]] = ["open", "acknowledged"]

    log_id = models.BigAutoField(primary_key=True)
    senior = models.ForeignKey(Senior, on_delete=models.PROTECT, related_name="emergencies", verbose_name=_("어르신"))
    event_type = models.CharField(_("종류"), max_length=32, choices=EventType)
    severity = models.CharField(_("심각도"), max_length=16, choices=Severity)
    description = models.CharField(_("내용"), max_length=500, help_text="in Korean, as it was raised")
    reasons = models.JSONField(default=list, help_text="the same as codes with numbers, for readers of any language")
    occurred_at = models.DateTimeField(_("발생 시각"))
    detected_at = models.DateTimeField(_("감지 시각"), db_default=Now())
    status = models.CharField(_("상태"), max_length=16, choices=Status, default=Status.OPEN)
    repeats = models.IntegerField(_("반복"), default=0)
    test = models.BooleanField(_("시험"), default=False)
    weight_id = models.IntegerField(null=True, help_text="the weights that judged, when a model did")
    acknowledged_at = models.DateTimeField(_("접수 시각"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("담당")
    )
    resolved_at = models.DateTimeField(_("조치 완료 시각"), null=True, blank=True)
    resolved_by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(_("결과"), max_length=16, choices=Outcome, blank=True)
    rung = models.SmallIntegerField(default=0, help_text="the last step of the ladder that was taken")
    step_due_at = models.DateTimeField(null=True, blank=True, help_text="the ladder's next step")
    tested_by = models.ForeignKey(
        Staff,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="who rings first",
    )
    test_due_at = models.DateTimeField(null=True, blank=True, help_text="not resolved by then, it rings everybody")
    ask_due_at = models.DateTimeField(null=True, blank=True, help_text="its owner is asked whether they are on it")
    ask_expires_at = models.DateTimeField(null=True, blank=True, help_text="not answered by then, it is open again")
    remind_due_at = models.DateTimeField(null=True, blank=True, help_text="supervisors hear that it is unresolved")
    snoozed_until = models.DateTimeField(null=True, blank=True, help_text="quieted by its owner; open again then")
    assigned_to = models.ForeignKey(
        Staff,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="owns it once they acknowledge",
    )
    assigned_by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    assign_due_at = models.DateTimeField(null=True, blank=True, help_text="not taken by then, it stays where it is")

    objects = EmergencyQuerySet.as_manager()

    class Meta:
        db_table = "emergency_logs"
        verbose_name = _("응급 상황")
        verbose_name_plural = pgettext_lazy("plural", "응급 상황")
        ordering = ["-log_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["senior", "event_type"],
                condition=Q(status__in=["open", "acknowledged"]),
                name="one_unresolved_emergency_a_type",
            )
        ]
        indexes = [
            models.Index(fields=["step_due_at"], condition=Q(status="open"), name="emergencies_step_due"),
            models.Index(fields=["test_due_at"], condition=Q(test=True), name="emergencies_test_due"),
            # the watchdog looks each second for what is due about the few that have an owner
            models.Index(fields=["remind_due_at"], condition=Q(status="acknowledged"), name="emergencies_owned"),
            models.Index(
                fields=["assign_due_at"], condition=Q(assign_due_at__isnull=False), name="emergencies_assign_due"
            ),
            models.Index(fields=["senior", "-log_id"], name="emergencies_of_senior"),
        ]

    def __str__(self) -> str:
        return f"{self.log_id}:{self.event_type}"

    @property
    def is_drill(self) -> bool:
        """A test that is nobody's installation test: everybody concerned is alerted, and told that it is a drill."""
        return self.test and self.tested_by_id is None


class EmergencySource(models.Model):
    """A cause taken in once: a detector's episode, a panic event, a failed check. A known one raises nothing."""

    source = models.CharField(primary_key=True, max_length=300)
    log = models.ForeignKey(EmergencyLog, on_delete=models.CASCADE, related_name="sources")
    severity = models.CharField(max_length=16, choices=Severity)
    hub_id = models.IntegerField(null=True, help_text="whose sensor was the cause, when one was")
    sensor_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "emergency_sources"

    def __str__(self) -> str:
        return self.source


class EmergencyTransition(models.Model):
    """What happened to an emergency, in order. Append-only; the timeline is read from here."""

    log = models.ForeignKey(EmergencyLog, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=32)
    by = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+")
    detail = models.JSONField(default=dict)

    class Meta:
        db_table = "emergency_transitions"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.log_id}:{self.kind}"


class Outbox(models.Model):
    """What staff are to hear, written in the transaction of the fact. One sequencer stamps `seq` on committed rows."""

    seq = models.BigIntegerField(null=True, unique=True)
    log = models.ForeignKey(EmergencyLog, on_delete=models.CASCADE, related_name="+")
    senior_id = models.IntegerField()
    kind = models.CharField(max_length=16, choices=[("raised", "raised"), ("changed", "changed"), ("ask", "ask")])
    emergency = models.JSONField(help_text="the emergency as it was then")
    only_for = models.ForeignKey(
        Staff, null=True, on_delete=models.CASCADE, related_name="+", help_text="null: for all who may see the senior"
    )
    expires_at = models.DateTimeField(null=True, help_text="of a question: nobody is to be asked it afterwards")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "emergency_outbox"
        indexes = [
            models.Index(fields=["id"], condition=Q(seq__isnull=True), name="outbox_unsequenced"),
            models.Index(fields=["senior_id", "seq"], name="outbox_of_senior"),
        ]

    def __str__(self) -> str:
        return f"{self.seq}:{self.kind}"


class AlertDeliveryQuerySet(models.QuerySet["AlertDelivery"]):
    def ringing(self) -> AlertDeliveryQuerySet:
        """Acknowledging stops what was sent before it; a hand-over and a reminder come later."""
        owned = Q(log__status=EmergencyLog.Status.ACKNOWLEDGED, created_at__gt=F("log__acknowledged_at"))
        return self.filter(Q(log__status=EmergencyLog.Status.OPEN) | owned)


class AlertDelivery(models.Model):
    """One alert to one person: received when a page of theirs showed it, quiet when it no longer matters."""

    delivery_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    log = models.ForeignKey(EmergencyLog, on_delete=models.CASCADE, related_name="deliveries")
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="deliveries")
    outbox = models.ForeignKey(Outbox, on_delete=models.CASCADE, related_name="deliveries")
    reason = models.CharField(max_length=16, help_text="raised, reopened, escalated, assigned")
    opens = models.BooleanField(default=False, help_text="the first this person hears of the emergency")
    created_at = models.DateTimeField(db_default=Now())
    received_at = models.DateTimeField(null=True)

    objects = AlertDeliveryQuerySet.as_manager()

    class Meta:
        db_table = "alert_deliveries"
        constraints = [models.UniqueConstraint(fields=["outbox", "staff"], name="one_delivery_a_person")]
        indexes = [
            models.Index(fields=["staff"], condition=Q(received_at__isnull=True), name="deliveries_not_received")
        ]

    def __str__(self) -> str:
        return str(self.delivery_id)


class RiskState(models.Model):
    """The last thing the model said about a senior. Its age is part of its truth."""

    class Level(models.TextChoices):
        NORMAL = "normal", _("평소와 같음")
        WATCH = "watch", _("지켜봄")
        WARNING = "warning", _("주의")
        EMERGENCY = "emergency", _("위험")
        NO_DATA = "no_data", _("자료 없음")

    senior = models.OneToOneField(Senior, primary_key=True, on_delete=models.CASCADE, related_name="risk")
    level = models.CharField(max_length=16, choices=Level)
    score = models.FloatField()
    reasons = models.JSONField(default=list)
    episode = models.CharField(max_length=200, blank=True)
    observed_at = models.DateTimeField()
    weight_id = models.IntegerField(null=True)
    updated_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now(), help_text="of the level")
    reported_level = models.CharField(max_length=16, choices=Level, blank=True, help_text="what the model said last")
    fell_at = models.DateTimeField(null=True, help_text="when the level last fell, by the model's time")
    held_until = models.DateTimeField(
        null=True, help_text="it flapped: until then, by the model's time, it cannot fall"
    )

    class Meta:
        db_table = "risk_states"
        indexes = [
            models.Index(fields=["changed_at"], name="risk_changed"),
            # the desk asks for the few to look after
            models.Index(
                fields=["level"],
                condition=Q(level__in=["watch", "warning", "emergency"]),
                name="risk_to_look_after",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.level}"
