from __future__ import annotations

import json
import threading
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models.functions import Now

from seniors.access_log import record_access
from seniors.access_seal import seal_entries, verify
from seniors.models import AccessLog, AccessSeal
from tests.factories import make_senior

if TYPE_CHECKING:
    from pytest_django import Settings

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed(senior: Senior, kim: Staff) -> None:
    """Three rows in two seals."""
    record_access(kim, "senior.view", senior.pk, address="10.0.0.7", reason="상담", fields=["health_info"])
    record_access(None, "events.read", make_senior().pk)
    seal_entries()
    record_access(kim, "video.view", senior.pk, score=0.25)
    seal_entries()


def test_an_untouched_log_verifies(sealed: None) -> None:
    found = verify()
    assert found.problems == []
    assert (found.seals, found.rows, found.unsealed) == (2, 3, 0)
    assert found.head == AccessSeal.objects.latest("seal_id").digest


def test_nothing_new_makes_no_seal(sealed: None) -> None:
    assert seal_entries() == 0
    assert AccessSeal.objects.count() == 2


@pytest.mark.parametrize(
    "edit",
    [
        {"reason": "방문"},
        {"senior_id": 999},
        {"staff": None},
        {"action": "senior.list"},
        {"address": None},
        {"detail": {}},
        {"accessed_at": Now() - timedelta(days=1)},
    ],
)
def test_an_edited_row_is_found(sealed: None, edit: dict[str, object]) -> None:
    first = AccessLog.objects.order_by("id")[0]
    AccessLog.objects.filter(pk=first.pk).update(**edit)
    (problem,) = verify().problems
    assert "does not fit its rows" in problem


def test_a_removed_row_is_found(sealed: None) -> None:
    AccessLog.objects.order_by("id")[0].delete()
    assert "rows were removed" in verify().problems[0]


def test_a_row_slipped_into_a_seal_is_found(sealed: None, senior: Senior) -> None:
    record_access(None, "senior.view", senior.pk)
    AccessLog.objects.filter(seal=None).update(seal=AccessSeal.objects.earliest("seal_id"))
    assert "slipped in" in verify().problems[0]


def test_a_removed_seal_is_found_with_its_rows(sealed: None) -> None:
    first = AccessSeal.objects.earliest("seal_id")
    AccessLog.objects.filter(seal=first).delete()
    first.delete()
    assert "does not follow" in verify().problems[0]


def test_a_cut_off_end_is_found_by_a_digest_that_was_noted(sealed: None) -> None:
    noted = verify().head
    AccessLog.objects.filter(seal__digest=noted).delete()
    AccessSeal.objects.filter(digest=noted).delete()
    assert verify().problems == []
    assert "not in the chain" in verify(noted).problems[0]


def test_without_the_secret_no_seal_can_be_made_to_fit(sealed: None, settings: Settings) -> None:
    settings.ANBU_KEY_PEPPER = "another"
    assert len(verify().problems) == 2


def test_rows_that_nobody_seals_are_told(senior: Senior) -> None:
    record_access(None, "senior.view", senior.pk)
    assert verify().problems == []
    AccessLog.objects.update(accessed_at=Now() - timedelta(minutes=11))
    assert "does the watchdog run" in verify().problems[0]


def test_the_command_says_what_it_found(sealed: None) -> None:
    out = StringIO()
    call_command("verify_access_log", "--json", stdout=out)
    assert json.loads(out.getvalue())["problems"] == []
    AccessLog.objects.update(reason="geändert")
    with pytest.raises(CommandError, match="2"):
        call_command("verify_access_log", "--json", stdout=out)


@pytest.mark.django_db(transaction=True)
def test_a_row_that_commits_late_gets_a_later_seal(senior: Senior) -> None:
    is_written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            record_access(None, "slow", senior.pk)
            is_written.set()
            may_commit.wait(10)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert is_written.wait(10)
    record_access(None, "fast", senior.pk)  # a higher id, committed first
    assert seal_entries() == 1
    may_commit.set()
    writer.join()
    assert seal_entries() == 1
    assert verify().problems == []
