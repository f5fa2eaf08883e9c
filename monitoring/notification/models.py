"""How a person is reached beyond the browser's page, what was to be sent, and each try to send it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Staff


class ChannelKind(models.TextChoices):
    WEB_PUSH = "web_push", _("브라우저 알림")
    ALIMTALK = "alimtalk", _("카카오 알림톡")
    SMS = "sms", _("문자")
    EMAIL = "email", _("이메일")
    APPRISE = "apprise", _("메신저")


class NotificationEndpoint(models.Model):
    """One way to one person. `order` says which comes first; an unverified one gets nothing but its own code."""

    endpoint_id = models.BigAutoField(primary_key=True)
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="notification_endpoints")
    kind = models.CharField(max_length=16, choices=ChannelKind)
    address = models.CharField(max_length=1000, help_text="URL of the push service, phone number, e-mail, apprise URL")
    keys = models.JSONField(default=dict, blank=True, help_text="of a push subscription: p256dh, auth")
    name = models.CharField(max_length=100, blank=True, help_text="by which its owner knows it")
    order = models.PositiveSmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    quiet_from = models.TimeField(null=True, blank=True, help_text="Asia/Seoul; holds what is no emergency")
    quiet_until = models.TimeField(null=True, blank=True)
    tells_faults = models.BooleanField(default=True, help_text="notices that are no emergency come here too")
    tells_outcomes = models.BooleanField(default=True, help_text="a guardian also hears how it ended")
    code_digest = models.CharField(max_length=64, blank=True, help_text="of the code that proves the address")
    code_expires_at = models.DateTimeField(null=True, blank=True)
    code_tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "notification_endpoints"
        verbose_name = _("알림 수단")
        verbose_name_plural = pgettext_lazy("plural", "알림 수단")
        ordering = ["order", "endpoint_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["staff", "kind", "address"],
                condition=~Q(kind="web_push"),
                name="one_endpoint_an_address",
            ),
            # a browser belongs to whoever subscribed it last
            models.UniqueConstraint(fields=["address"], condition=Q(kind="web_push"), name="one_owner_a_browser"),
        ]

    def __str__(self) -> str:
        return f"{self.staff_id}:{self.kind}"


class Purpose(models.TextChoices):
    ALERT = "alert", _("응급 상황")
    REMINDER = "reminder", _("종료되지 않은 응급 상황")
    ASK = "ask", _("담당 확인")
    TAKEN = "taken", _("접수됨")
    GUARDIAN = "guardian", _("가족에게")
    NOTICE = "notice", _("안내")
    CALL = "call", _("확인 요청")
    TEST = "test", _("시험")
    CODE = "code", _("확인 번호")
    OPERATOR = "operator", _("운영")


class Notification(models.Model):
    """One message by one channel: waits until it is due, is claimed for a while, sent, or stopped as it no longer
    matters. Received when the device or the carrier said so."""

    class State(models.TextChoices):
        WAITING = "waiting", _("대기")
        SENT = "sent", _("보냄")
        STOPPED = "stopped", _("멈춤")
        FAILED = "failed", _("실패")

    notification_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    staff = models.ForeignKey(Staff, null=True, on_delete=models.CASCADE, related_name="notifications")
    endpoint = models.ForeignKey(NotificationEndpoint, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=16, choices=ChannelKind)
    purpose = models.CharField(max_length=16, choices=Purpose)
    address = models.CharField(max_length=254, blank=True, help_text="of an operator, who has no endpoint")
    delivery = models.ForeignKey("monitoring.AlertDelivery", null=True, on_delete=models.CASCADE, related_name="+")
    log = models.ForeignKey("monitoring.EmergencyLog", null=True, on_delete=models.CASCADE, related_name="+")
    notice = models.ForeignKey("monitoring.Notice", null=True, on_delete=models.CASCADE, related_name="+")
    values = models.JSONField(default=dict, help_text="what its words need, and nothing about a senior")
    due_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    claimed_until = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    carrier_id = models.CharField(max_length=200, blank=True, help_text="by which the carrier knows it")
    report_due_at = models.DateTimeField(null=True, help_text="the carrier is asked then whether it arrived")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notifications"
        verbose_name = _("알림")
        verbose_name_plural = pgettext_lazy("plural", "알림")
        indexes = [
            # the sender asks several times a second for what is due
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="notifications_due"),
            models.Index(
                fields=["report_due_at"], condition=Q(report_due_at__isnull=False), name="notifications_report_due"
            ),
            models.Index(fields=["staff", "-created_at"], name="notifications_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose}:{self.kind}:{self.state}"


class NotificationAttempt(models.Model):
    """What became of one try. Append-only."""

    class Result(models.TextChoices):
        SENT = "sent", _("보냄")
        AGAIN = "again", _("다시 시도")
        REFUSED = "refused", _("거절됨")
        GONE = "gone", _("주소가 없어짐")
        STOPPED = "stopped", _("더는 필요 없음")
        PUT_OFF = "put_off", _("조용한 시간 뒤로 미룸")
        RECEIVED = "received", _("받음")
        LOST = "lost", _("전달되지 않음")

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField(db_default=Now())
    result = models.CharField(max_length=16, choices=Result)
    code = models.CharField(max_length=64, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    took_ms = models.PositiveIntegerField(null=True)

    class Meta:
        db_table = "notification_attempts"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.notification_id}:{self.result}"


class DeliveryReceipt(models.Model):
    """A device of the person said that it showed the alert: a page (by its session) or a browser's push."""

    delivery = models.ForeignKey("monitoring.AlertDelivery", on_delete=models.CASCADE, related_name="receipts")
    device = models.CharField(max_length=64)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "delivery_receipts"
        constraints = [models.UniqueConstraint(fields=["delivery", "device"], name="one_receipt_a_device")]

    def __str__(self) -> str:
        return f"{self.delivery_id}:{self.device}"
