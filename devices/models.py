"""Homes: hubs, their keys, what we ask the robot, and faults of the equipment."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from seniors.models import Senior, Staff


class IoTHubQuerySet(models.QuerySet["IoTHub"]):
    def registered(self) -> IoTHubQuerySet:
        return self.filter(deregistered_at__isnull=True)


class IoTHub(models.Model):
    """A registration of a home hub. Its senior never changes; a replaced hub is a new row."""

    class Status(models.TextChoices):
        ONLINE = "online", _("연결됨")
        OFFLINE = "offline", _("연결 끊김")
        NEVER_SEEN = "never_seen", _("첫 연결 대기")

    hub_id = models.AutoField(primary_key=True)
    senior = models.ForeignKey(Senior, on_delete=models.PROTECT, related_name="hubs", verbose_name=_("어르신"))
    device_id = models.CharField(_("기기 번호"), max_length=64)
    api_key_hash = models.CharField(max_length=64, blank=True, help_text="of the newest key; hub_keys has all of them")
    status = models.CharField(_("상태"), max_length=16, choices=Status, default=Status.NEVER_SEEN)
    status_changed_at = models.DateTimeField(db_default=Now(), help_text="the staff feed looks for newer ones")
    last_seen_at = models.DateTimeField(_("마지막 접속"), null=True, blank=True)
    registered_at = models.DateTimeField(_("등록일"), db_default=Now())
    deregistered_at = models.DateTimeField(_("해지일"), null=True, blank=True)
    battery = models.SmallIntegerField(_("배터리"), null=True, blank=True)
    robot_online = models.BooleanField(_("로봇 연결"), null=True)
    clock_skew_s = models.IntegerField(_("시계 차이(초)"), null=True, blank=True, help_text="our clock minus the hub's")
    sensors_due_at = models.DateTimeField(db_default=Now(), help_text="its sensors are judged from then on")
    socket_id = models.CharField(max_length=36, blank=True, help_text="the live socket; empty when there is none")
    silent_at = models.DateTimeField(null=True, blank=True, help_text="offline from then on, if nothing comes before")

    objects = IoTHubQuerySet.as_manager()

    class Meta:
        db_table = "iot_hubs"
        verbose_name = _("홈 허브")
        verbose_name_plural = pgettext_lazy("plural", "홈 허브")
        constraints = [
            models.UniqueConstraint(
                fields=["device_id"], condition=Q(deregistered_at__isnull=True), name="one_registration_a_device"
            ),
            models.UniqueConstraint(
                fields=["senior"], condition=Q(deregistered_at__isnull=True), name="one_hub_a_senior"
            ),
        ]
        indexes = [
            # the watchdog's sweep for silent hubs, each second
            models.Index(fields=["silent_at"], condition=Q(status="online"), name="hubs_due_offline"),
            models.Index(fields=["status_changed_at"], name="hubs_changed"),
            # the desk asks for the few that are not there
            models.Index(
                fields=["status", "last_seen_at"],
                condition=Q(deregistered_at__isnull=True, status__in=["offline", "never_seen"]),
                name="hubs_away",
            ),
            models.Index(fields=["sensors_due_at"], condition=Q(status="online"), name="hubs_sensors_due"),
        ]

    def __str__(self) -> str:
        return self.device_id


class HubKeyQuerySet(models.QuerySet["HubKey"]):
    def live(self) -> HubKeyQuerySet:
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=Now()), revoked_at__isnull=True)


class HubKey(models.Model):
    """One generation of a hub's key: the public prefix finds it, the keyed hash proves it."""

    hub = models.ForeignKey(IoTHub, on_delete=models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=16, unique=True)
    key_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = HubKeyQuerySet.as_manager()

    class Meta:
        db_table = "hub_keys"

    def __str__(self) -> str:
        return self.prefix


class HubClaim(models.Model):
    """The claim code of a registration: taken once, for the hub's key."""

    hub = models.OneToOneField(IoTHub, primary_key=True, on_delete=models.CASCADE, related_name="claim")
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    failures = models.SmallIntegerField(default=0, help_text="wrong codes told with this device's number")

    class Meta:
        db_table = "hub_claims"

    def __str__(self) -> str:
        return f"{self.hub_id}"


class SafetyCheck(models.Model):
    """One question to the senior through the robot, with a deadline."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("요청함")
        DELIVERED = "delivered", _("로봇이 묻는 중")
        OK = "ok", _("괜찮다고 답함")
        HELP = "help", _("도움을 청함")
        NO_ANSWER = "no_answer", _("대답 없음")
        UNDELIVERABLE = "undeliverable", _("전달하지 못함")

    RUNNING: ClassVar[list[str]] = ["requested", "delivered"]

    check_id = models.BigAutoField(primary_key=True)
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="safety_checks")
    hub = models.ForeignKey(IoTHub, on_delete=models.CASCADE, related_name="safety_checks")
    status = models.CharField(max_length=16, choices=Status, default=Status.REQUESTED)
    prompt = models.CharField(max_length=200)
    requested_by = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    help_at = models.DateTimeField(null=True, help_text="help was heard, whatever was answered before")
    late_ok_at = models.DateTimeField(null=True, help_text="an ok was heard after the check had ended otherwise")
    expires_at = models.DateTimeField()
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "safety_checks"
        verbose_name = _("안전 확인")
        verbose_name_plural = pgettext_lazy("plural", "안전 확인")
        constraints = [
            models.UniqueConstraint(
                fields=["hub"], condition=Q(status__in=["requested", "delivered"]), name="one_running_check_a_hub"
            )
        ]
        indexes = [
            # hub sockets look for what to send, the watchdog for what has expired
            models.Index(fields=["expires_at"], condition=Q(status__in=["requested", "delivered"]), name="checks_due"),
            models.Index(fields=["changed_at"], name="checks_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.check_id}:{self.status}"


class InstallationTest(models.Model):
    """A time in which a press of this hub's buttons is a test of whoever started it."""

    test_id = models.BigAutoField(primary_key=True)
    hub = models.ForeignKey(IoTHub, on_delete=models.CASCADE, related_name="installation_tests")
    started_by = models.ForeignKey(Staff, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()

    class Meta:
        db_table = "installation_tests"
        verbose_name = _("설치 시험")
        verbose_name_plural = _("설치 시험")
        indexes = [
            # asked for each panic press of a hub
            models.Index(fields=["hub", "ends_at"], name="installation_tests_of_hub"),
        ]

    def __str__(self) -> str:
        return f"{self.hub_id}:{self.ends_at}"


class Fault(models.Model):
    """A fault of the equipment: raised, seen by somebody, cleared. Never an emergency."""

    class Kind(models.TextChoices):
        HUB_OFFLINE = "hub_offline", _("허브 연결 끊김")
        ROBOT_OFFLINE = "robot_offline", _("로봇 연결 끊김")
        BATTERY_LOW = "battery_low", _("배터리 부족")
        CLOCK_SKEW = "clock_skew", _("허브 시계 어긋남")
        SENSOR_DEAD = "sensor_dead", _("센서 응답 없음")
        SENSOR_CHATTERING = "sensor_chattering", _("센서 오작동")
        CHECK_UNDELIVERABLE = "check_undeliverable", _("안전 확인 전달 실패")

    fault_id = models.BigAutoField(primary_key=True)
    hub = models.ForeignKey(IoTHub, on_delete=models.CASCADE, related_name="faults")
    kind = models.CharField(_("종류"), max_length=24, choices=Kind)
    sensor_id = models.CharField(max_length=64, blank=True)
    since = models.DateTimeField(_("발생"), db_default=Now())
    cleared_at = models.DateTimeField(_("해소"), null=True, blank=True)
    seen_at = models.DateTimeField(_("확인"), null=True, blank=True)
    seen_by = models.ForeignKey(Staff, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "faults"
        verbose_name = _("기기 장애")
        verbose_name_plural = pgettext_lazy("plural", "기기 장애")
        ordering = [F("since").desc()]
        constraints = [
            models.UniqueConstraint(
                fields=["hub", "kind", "sensor_id"], condition=Q(cleared_at__isnull=True), name="one_open_fault_a_kind"
            )
        ]
        indexes = [models.Index(fields=["changed_at"], name="faults_changed")]

    def __str__(self) -> str:
        return f"{self.hub_id}:{self.kind}"
