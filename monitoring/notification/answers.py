"""What a notification's own buttons do, by the token that came with it. Each is a POST; a look changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from monitoring import ownership
from monitoring.models import AlertDelivery, EmergencyLog, EmergencyTransition, Progress
from monitoring.ownership import NotOwner
from monitoring.transitions import AlreadyResolved
from seniors.models import Senior, Staff

from . import tokens
from .models import DeliveryReceipt, Notification, NotificationAttempt

if TYPE_CHECKING:
    from uuid import UUID


class AnswerTooLate(Exception):
    """The emergency that this message told of is over."""


class MayNotAnswer(Exception):
    """The person of the token may not act on that senior any more."""


def acknowledge(delivery_id: UUID, token: str) -> tuple[EmergencyLog, Staff]:
    """Takes the emergency of a delivery for the person whom the token names; the emergency as it is then.

    Raises TokenInvalid, AnswerTooLate (resolved since, also when it was opened again later), MayNotAnswer."""
    staff_id = tokens.read(tokens.ACKNOWLEDGE, token, delivery_id)
    delivery = AlertDelivery.objects.select_related("log", "staff").filter(pk=delivery_id, staff_id=staff_id).first()
    if delivery is None:
        raise tokens.TokenInvalid("there is no such delivery")
    _check(delivery.staff, delivery.log)
    ended = EmergencyTransition.objects.filter(log=delivery.log, kind="resolved", at__gte=delivery.created_at)
    if ended.exists():
        raise AnswerTooLate("the emergency was resolved")
    try:
        return ownership.acknowledge(delivery.log_id, delivery.staff), delivery.staff
    except AlreadyResolved as error:
        raise AnswerTooLate("the emergency was resolved") from error


def say_still_on_it(notification_id: UUID, token: str) -> EmergencyLog:
    """Answers the question to the owner. Raises TokenInvalid, AnswerTooLate, MayNotAnswer, NotOwner."""
    notification = _of_token(tokens.STILL_ON_IT, notification_id, token)
    staff, log = notification.staff, notification.log
    if staff is None or log is None:
        raise tokens.TokenInvalid("the message is not about an emergency")
    _check(staff, log)
    asked = EmergencyLog.objects.filter(pk=log.pk, acknowledged_by=staff, ask_expires_at__gt=Now())
    try:
        if not asked.exists() and log.status != EmergencyLog.Status.RESOLVED:
            raise NotOwner("the question is over")
        return ownership.report_progress(log.pk, staff, Progress.STILL_ON_IT)
    except AlreadyResolved as error:
        raise AnswerTooLate("the emergency was resolved") from error


@transaction.atomic
def note_received(notification_id: UUID, token: str) -> None:
    """The person's device showed it. Raises TokenInvalid."""
    notification = _of_token(tokens.RECEIVED, notification_id, token)
    if Notification.objects.filter(pk=notification_id, received_at__isnull=True).update(received_at=Now()):
        NotificationAttempt.objects.create(notification=notification, result=NotificationAttempt.Result.RECEIVED)
    if notification.delivery_id and notification.endpoint_id:
        DeliveryReceipt.objects.get_or_create(
            delivery_id=notification.delivery_id, device=f"endpoint:{notification.endpoint_id}"
        )


def _of_token(purpose: str, notification_id: UUID, token: str) -> Notification:
    staff_id = tokens.read(purpose, token, notification_id)
    found = Notification.objects.select_related("staff", "log").filter(pk=notification_id, staff_id=staff_id).first()
    if found is None:
        raise tokens.TokenInvalid("there is no such notification")
    return found


def _check(staff: Staff, log: EmergencyLog) -> None:
    is_visible = staff.is_active and Senior.objects.visible_to(staff).filter(pk=log.senior_id).exists()
    if staff.is_guardian or not is_visible:
        raise MayNotAnswer("this person may not act on that senior any more")
