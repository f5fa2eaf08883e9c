from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from monitoring.notification import web_push
from monitoring.notification.endpoints import add_endpoint
from monitoring.notification.models import NotificationEndpoint
from monitoring.notification.sender import Sender
from tests.monitoring.notification.push_service import PushService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django import Settings

    from seniors.models import Staff
    from tests.monitoring.notification.push_service import Browser


@pytest.fixture
def push_service(settings: Settings) -> Iterator[PushService]:
    service = PushService(web_push.public_key())
    settings.ANBU_PUSH_SERVICES = [service.url]
    yield service
    service.close()


@pytest.fixture
def subscribe(push_service: PushService) -> Callable[[Staff], Browser]:
    """Adds a browser to a person, as its page does."""

    def add(staff: Staff) -> Browser:
        browser = push_service.subscribe()
        add_endpoint(staff, "web_push", browser.address, keys=browser.keys)
        return browser

    return add


@pytest.fixture
def add_mail() -> Callable[[Staff], NotificationEndpoint]:
    """A proven e-mail address of a person, after the channels that are there."""

    def add(staff: Staff) -> NotificationEndpoint:
        place = NotificationEndpoint.objects.filter(staff=staff).count()
        return NotificationEndpoint.objects.create(
            staff=staff, kind="email", address=staff.email, order=place, verified_at=Now()
        )

    return add


@pytest.fixture
def send() -> Callable[[], int]:
    """One look of the sender, and what came of it; how many messages it started."""
    sender = Sender()

    def look() -> int:
        started = sender.look()
        sender.finish(20)
        return started

    return look
