"""People: staff, seniors, who cares for whom, consents, and the trace of who looked at whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Role(models.TextChoices):
    CASEWORKER = "caseworker", _("생활지원사")
    SUPERVISOR = "supervisor", _("관리자")
    GUARDIAN = "guardian", _("보호자")


class StaffManager(BaseUserManager["Staff"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Staff:
        """Creates a person who logs in by e-mail. `password` None leaves the account without one (set by reset)."""
        if not email:
            raise ValueError("an e-mail address is needed: it is the log-in name")
        staff = self.model(email=self.normalize_email(email).lower(), **fields)
        staff.set_password(password)
        staff.save(using=self._db)
        return staff

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> Staff:
        return self.create_user(email, password, is_superuser=True, **{"role": Role.SUPERVISOR, **fields})

    def get_by_natural_key(self, username: str | None) -> Staff:
        return self.get(email=(username or "").lower())


class Staff(AbstractBaseUser, PermissionsMixin):
    """Everybody who logs in. A guardian is a row with that role; operators are the superusers."""

    staff_id = models.AutoField(primary_key=True)
    email = models.EmailField(_("이메일"), unique=True)
    password = models.CharField(_("비밀번호"), max_length=128, db_column="password_hash")
    full_name = models.CharField(_("이름"), max_length=100)
    role = models.CharField(_("역할"), max_length=16, choices=Role, default=Role.CASEWORKER)
    phone = models.CharField(_("전화번호"), max_length=32, blank=True)
    language = models.CharField(_("언어"), max_length=2, choices=[("ko", "한국어"), ("en", "English")], default="ko")
    is_active = models.BooleanField(_("사용 중"), default=True)
    created_at = models.DateTimeField(_("생성일"), auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]
    objects: ClassVar[StaffManager] = StaffManager()

    class Meta:
        db_table = "staffs"
        verbose_name = _("직원")
        verbose_name_plural = _("직원")
        ordering = ["full_name", "staff_id"]

    def __str__(self) -> str:
        return self.full_name

    @property
    def is_supervisor(self) -> bool:
        return self.is_superuser or self.role == Role.SUPERVISOR

    @property
    def is_guardian(self) -> bool:
        return self.role == Role.GUARDIAN and not self.is_superuser

    @property
    def is_staff(self) -> bool:
        """May enter the admin site: everybody but guardians."""
        return not self.is_guardian

    def get_short_name(self) -> str:
        return self.full_name


class SeniorQuerySet(models.QuerySet["Senior"]):
    def visible_to(self, user: Staff | AnonymousUser) -> SeniorQuerySet:
        """The seniors that `user` may know of: the one rule that feeds pages, API, sockets, video and exports.

        Supervisors see all; caseworkers and guardians those mapped to them; whoever was alerted by an escalation
        also that senior while the grant lasts. Anonymous and inactive people see none.
        """
        if not isinstance(user, Staff) or not user.is_active:
            return self.none()
        if user.is_supervisor:
            return self.all()
        seen = StaffSenior.objects.filter(staff_id=user.pk).values("senior_id")
        if not user.is_guardian:
            granted = AccessGrant.objects.lasting().filter(staff_id=user.pk).order_by().values("senior_id")
            # one list: of two conditions joined by OR, PostgreSQL would ask each of a province's seniors
            seen = seen.order_by().union(granted, all=True)
        return self.filter(pk__in=seen)


class Senior(models.Model):
    senior_id = models.AutoField(primary_key=True)
    full_name = models.CharField(_("이름"), max_length=100)
    address = models.CharField(_("주소"), max_length=300)
    phone = models.CharField(_("전화번호"), max_length=32, blank=True)
    health_info = models.JSONField(_("건강 정보"), default=dict, blank=True)
    created_at = models.DateTimeField(_("등록일"), auto_now_add=True)

    objects = SeniorQuerySet.as_manager()

    class Meta:
        db_table = "seniors"
        verbose_name = _("어르신")
        verbose_name_plural = pgettext_lazy("plural", "어르신")
        ordering = ["full_name", "senior_id"]

    def __str__(self) -> str:
        return self.full_name


class StaffSenior(models.Model):
    """Who cares for whom. No surrogate id: the pair is the key, as in the customer's ERD."""

    pk = models.CompositePrimaryKey("staff_id", "senior_id")
    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="mappings")
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="mappings")

    class Meta:
        db_table = "staff_senior_map"
        verbose_name = _("담당")
        verbose_name_plural = _("담당")

    def __str__(self) -> str:
        return f"{self.staff_id}:{self.senior_id}"


class Contact(models.Model):
    """Whom to call about a senior, in this order, besides those who have a log-in."""

    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="contacts")
    position = models.PositiveSmallIntegerField(_("순서"), default=1)
    full_name = models.CharField(_("이름"), max_length=100)
    relation = models.CharField(_("관계"), max_length=50, blank=True)
    phone = models.CharField(_("전화번호"), max_length=32)
    holds_key = models.BooleanField(_("열쇠를 가지고 있음"), default=False)

    class Meta:
        db_table = "contacts"
        verbose_name = _("연락처")
        verbose_name_plural = pgettext_lazy("plural", "연락처")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.full_name


class EntryCode(models.Model):
    """How to get into the home, encrypted (seniors/entry_codes.py). Shown on demand, and each time is logged."""

    senior = models.OneToOneField(Senior, primary_key=True, on_delete=models.CASCADE, related_name="entry_code")
    ciphertext = models.BinaryField()
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        db_table = "entry_codes"

    def __str__(self) -> str:
        return str(self.senior_id)


class AccessGrantQuerySet(models.QuerySet["AccessGrant"]):
    def lasting(self) -> AccessGrantQuerySet:
        return self.filter(Q(until__isnull=True) | Q(until__gt=Now()))


class AccessGrant(models.Model):
    """An alert's receiver may see and act for that senior: until is null while the emergency is unresolved."""

    staff = models.ForeignKey(Staff, on_delete=models.CASCADE, related_name="+")
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="+")
    log_id = models.BigIntegerField(help_text="the emergency that brought it")
    granted_at = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True, blank=True)

    objects = AccessGrantQuerySet.as_manager()

    class Meta:
        db_table = "access_grants"
        constraints = [models.UniqueConstraint(fields=["staff", "senior", "log_id"], name="one_grant_an_emergency")]

    def __str__(self) -> str:
        return f"{self.staff_id}:{self.senior_id}"


class Consent(models.Model):
    """A consent given and, perhaps, withdrawn. Append-only but for `withdrawn_at`."""

    class Kind(models.TextChoices):
        VIDEO = "video", _("영상 열람")

    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=16, choices=Kind)
    given_at = models.DateTimeField(db_default=Now())
    given_by = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        db_table = "consents"
        verbose_name = _("동의")
        verbose_name_plural = pgettext_lazy("plural", "동의")
        constraints = [
            models.UniqueConstraint(
                fields=["senior", "kind"], condition=Q(withdrawn_at__isnull=True), name="one_consent_in_force"
            )
        ]

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.kind}"


class AccessSeal(models.Model):
    """A link of the access log's chain (seniors/access_seal.py): the digest of a batch of rows and of the last link."""

    seal_id = models.BigAutoField(primary_key=True)
    sealed_at = models.DateTimeField(db_default=Now())
    rows = models.IntegerField()
    previous = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)
    pruned_at = models.DateTimeField(null=True, help_text="its rows were kept long enough, and are gone")

    class Meta:
        db_table = "access_seals"

    def __str__(self) -> str:
        return f"{self.seal_id}:{self.digest[:8]}"


class AccessLog(models.Model):
    """Who looked at or changed whose personal data, when, from where and why. Rows are only ever appended."""

    accessed_at = models.DateTimeField(_("시각"), db_default=Now())
    staff = models.ForeignKey(Staff, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("직원"))
    senior_id = models.IntegerField(_("어르신"), null=True)
    action = models.CharField(_("행위"), max_length=64)
    reason = models.CharField(_("사유"), max_length=300, blank=True)
    address = models.GenericIPAddressField(_("접속지"), null=True)
    detail = models.JSONField(default=dict, blank=True)
    seal = models.ForeignKey(AccessSeal, null=True, on_delete=models.PROTECT, related_name="+", editable=False)

    class Meta:
        db_table = "access_log"
        verbose_name = _("열람 기록")
        verbose_name_plural = pgettext_lazy("plural", "열람 기록")
        indexes = [
            # the senior's page asks "who looked", newest first
            models.Index(fields=["senior_id", "-accessed_at"], name="access_log_of_senior"),
            # the admin's list of everything, newest first
            models.Index(fields=["-accessed_at", "-id"], name="access_log_newest"),
            # the sealer asks each minute for those without a seal
            models.Index(fields=["id"], condition=Q(seal__isnull=True), name="access_log_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.senior_id}"


class Revocation(models.Model):
    """A credential that died. Every web and relay process polls these rows; Redis only hastens the poll."""

    class Kind(models.TextChoices):
        SESSION = "session"
        STAFF = "staff"
        HUB = "hub"
        HUB_KEY = "hub_key"
        CONSENT = "consent"
        MAPPING = "mapping"

    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "revocations"
        indexes = [models.Index(fields=["created_at"], name="revocations_since")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject}"


class LoginFailure(models.Model):
    """A log-in that failed. A few of one person from one place, or many from one place, and the place has to wait."""

    email_digest = models.CharField(max_length=64)
    address = models.GenericIPAddressField(null=True)
    failed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "login_failures"
        indexes = [models.Index(fields=["address", "failed_at"], name="login_failures_of_address")]

    def __str__(self) -> str:
        return f"{self.address}:{self.failed_at}"
