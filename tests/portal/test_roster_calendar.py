from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from monitoring.roster_models import Duty
from portal.pages.roster_calendar import HOUR, LEFT, cut

if TYPE_CHECKING:
    from django.test import Client

    from seniors.models import Staff

START = datetime(2026, 11, 23, tzinfo=UTC)


def test_a_night_is_two_pieces_on_two_days() -> None:
    pieces = cut(START + timedelta(hours=21), START + timedelta(hours=33), START, "kim", "first")
    assert [(piece.x, piece.width) for piece in pieces] == [(LEFT + 21 * HOUR, 3 * HOUR - 2), (LEFT, 9 * HOUR - 2)]
    assert pieces[0].y < pieces[1].y


def test_what_lies_outside_the_week_is_cut_off() -> None:
    assert cut(START - timedelta(days=2), START - timedelta(days=1), START, "kim", "first") == []


@pytest.mark.django_db
def test_gaps_are_said_and_names_shown(client: Client, kim: Staff) -> None:
    now = timezone.now()
    Duty.objects.create(staff=kim, starts_at=now, ends_at=now + timedelta(hours=8), rung="first")
    client.force_login(kim)
    text = client.get("/admin/roster/").content.decode()
    assert "김미영" in text
    assert "1차 당직이 비는 때" in text
    assert client.get("/admin/roster/?from=nonsense").status_code == 200
    assert client.get("/admin/roster/?from=2026-99-99").status_code == 200
