"""Times in which a home's silence means something else, and the questions that the robot asks by itself."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from devices.models import SafetyCheck
from seniors.models import Senior, Staff


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def lasting(self) -> AbsenceQuerySet:
        """In force now, by the database's clock."""
        return self.filter(ended_at__isnull=True, starts_at__lte=Now(), ends_at__gt=Now())


class Absence(models.Model):
    """A senior is away, in hospital, or has a visitor: from `starts_at` until `ends_at`, or until it was ended."""

    class Kind(models.TextChoices):
        AWAY = "away", _("외출·여행")
        HOSPITAL = "hospital", _("입원")
        VISITOR = "visitor", _("방문객")

    absence_id = models.BigAutoField(primary_key=True)
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="absences", verbose_name=_("어르신"))
    kind = models.CharField(_("종류"), max_length=16, choices=Kind)
    starts_at = models.DateTimeField(_("시작"))
    ends_at = models.DateTimeField(_("끝"))
    note = models.CharField(_("메모"), max_length=1000, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")
    watch_due_at = models.DateTimeField(db_default=Now(), help_text="the home's activity is looked at from then on")
    active_since = models.DateTimeField(null=True, help_text="activity before this counts no more")
    asked_at = models.DateTimeField(null=True, help_text="whether the senior is back")
    ask_expires_at = models.DateTimeField(null=True, help_text="not answered by then, it ends")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Staff, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_why = models.CharField(max_length=16, blank=True, help_text="deleted, replaced, over or back")

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        db_table = "absences"
        verbose_name = _("부재")
        verbose_name_plural = pgettext_lazy("plural", "부재")
        ordering = ["-absence_id"]
        constraints = [
            models.UniqueConstraint(fields=["senior"], condition=Q(ended_at__isnull=True), name="one_absence_a_senior"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_ends_after_it_starts"),
        ]
        indexes = [models.Index(fields=["ends_at"], condition=Q(ended_at__isnull=True), name="absences_not_ended")]

    def __str__(self) -> str:
        return f"{self.senior_id}:{self.kind}"


class AutomaticCheck(models.Model):
    """A safety check that nobody asked for by hand: once for each soft alarm, or for an emergency whose policy says so.

    waiting -> asked -> ended, or waiting -> ended where the robot could not be asked in time. One that need not ask any
    more is deleted: nobody was asked, so the same cause may come again.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        ASKED = "asked"
        ENDED = "ended"

    key = models.CharField(max_length=300, unique=True, help_text="the episode, or log:{log_id}")
    senior = models.ForeignKey(Senior, on_delete=models.CASCADE, related_name="+")
    log = models.ForeignKey("monitoring.EmergencyLog", null=True, on_delete=models.CASCADE, related_name="+")
    safety_check = models.ForeignKey(SafetyCheck, null=True, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    outcome = models.CharField(
        max_length=16, blank=True, help_text="ok, help, no_answer, undeliverable, impossible, calm or absent"
    )
    created_at = models.DateTimeField(db_default=Now())
    give_up_at = models.DateTimeField(help_text="not asked by then, somebody is to call")

    class Meta:
        db_table = "automatic_checks"
        indexes = [
            models.Index(fields=["give_up_at"], condition=Q(status="waiting"), name="automatic_checks_waiting"),
            models.Index(fields=["safety_check"], condition=Q(status="asked"), name="automatic_checks_asked"),
        ]

    def __str__(self) -> str:
        return self.key
