"""Whether a planned message still matters: looked at right before it is sent, so that taking an emergency quiets every
channel at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Now

from monitoring.models import AlertDelivery, EmergencyLog, EmergencyTransition
from seniors.models import Senior

from .models import Notification, Purpose

if TYPE_CHECKING:
    from seniors.models import Staff

CALLED_OFF = "the emergency is taken or over"


def why_stopped(notification: Notification) -> str:
    """Why it must not be sent any more, "" when it must."""
    expired = Notification.objects.filter(pk=notification.pk, expires_at__lte=Now())
    if expired.exists():
        return "expired"
    if notification.purpose == Purpose.OPERATOR:
        return ""
    staff, endpoint = notification.staff, notification.endpoint
    if staff is None or not staff.is_active:
        return "the person is not active"
    if endpoint is None:
        return "the channel was removed"
    if notification.purpose != Purpose.CODE and not (endpoint.enabled and endpoint.verified_at):
        return "the channel is switched off"
    if notification.notice and (notification.notice.seen_at or notification.notice.closed_at):
        return "seen or over"
    return _why_of_emergency(notification, staff) if notification.log_id else ""


def _why_of_emergency(notification: Notification, staff: Staff) -> str:
    log = notification.log
    if log is None or not Senior.objects.visible_to(staff).filter(pk=log.senior_id).exists():
        return "the person may not see that senior"
    if staff.is_guardian and notification.purpose != Purpose.GUARDIAN:
        return "guardians are not alerted"
    if notification.purpose in {Purpose.ALERT, Purpose.REMINDER}:
        return "" if _rings(notification, log, staff) else CALLED_OFF
    if notification.purpose == Purpose.ASK:
        asked = EmergencyLog.objects.filter(pk=log.pk, acknowledged_by=staff, ask_expires_at__gt=Now())
        return "" if asked.exists() else "answered"
    if notification.purpose == Purpose.TAKEN and log.status == EmergencyLog.Status.OPEN:
        return "open again"
    if notification.purpose == Purpose.GUARDIAN and log.test:
        return "a test"
    return ""


def _rings(notification: Notification, log: EmergencyLog, staff: Staff) -> bool:
    sent_for = notification.delivery_id
    delivery = AlertDelivery.objects.ringing().filter(pk=sent_for).first() if sent_for else None
    if delivery is None:
        return False
    if delivery.reason != "assigned" or log.status == EmergencyLog.Status.OPEN:
        return True
    # of a hand-over: whoever is asked to take it while that lasts, and the giver once it came to nothing
    last = EmergencyTransition.objects.filter(log=log, kind="assigned").order_by("-id").first()
    was_asked = last is not None and staff.pk in last.detail.get("staff_ids", [])
    return log.assigned_to_id == staff.pk if was_asked else True
