from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from monitoring.alerting import raise_emergency
from monitoring.models import Outbox
from monitoring.outbox import announce, stamp_sequence
from monitoring.ownership import acknowledge
from tests.factories import make_senior
from tests.monitoring.emergencies import cause, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitoring.models import EmergencyLog
    from seniors.models import Senior, Staff


def in_thread_of_its_own(work: Callable[[], object]) -> None:
    """Runs `work`, and closes the thread's connection."""
    try:
        work()
    finally:
        connection.close()


def numbers(after: int = 0) -> list[int]:
    rows = Outbox.objects.filter(seq__gt=after).order_by("seq").values_list("seq", flat=True)
    return [seq for seq in rows if seq is not None]


@pytest.mark.django_db
def test_rows_get_their_numbers_in_the_order_they_were_written(senior: Senior, kim: Staff) -> None:
    log = raised(senior)
    acknowledge(log.pk, kim)
    assert stamp_sequence() == 2
    assert list(Outbox.objects.order_by("seq").values_list("kind", flat=True)) == ["raised", "changed"]
    assert stamp_sequence() == 0


@pytest.mark.django_db
def test_a_row_tells_the_emergency_as_it_was_then(senior: Senior, kim: Staff) -> None:
    log = raised(senior)
    acknowledge(log.pk, kim)
    told = Outbox.objects.order_by("pk").values_list("emergency__status", "emergency__acknowledged_by")
    assert list(told) == [("open", None), ("acknowledged", kim.pk)]


@pytest.mark.django_db(transaction=True)
def test_a_row_that_commits_late_never_fills_a_gap_that_a_reader_has_passed(senior: Senior) -> None:
    slow, fast = raised(senior), raised(make_senior())
    stamp_sequence()
    is_written, may_commit = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            announce(slow, "changed")
            is_written.set()
            may_commit.wait(10)

    writer = threading.Thread(target=in_thread_of_its_own, args=(write_slowly,))
    writer.start()
    assert is_written.wait(10)
    announce(fast, "changed")  # a higher id, committed first
    stamp_sequence()
    assert numbers() == [1, 2, 3]
    may_commit.set()
    writer.join()
    stamp_sequence()
    assert numbers() == [1, 2, 3, 4]
    assert Outbox.objects.get(seq=4).log_id == slow.pk


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_sequencers_at_once_leave_no_gap_and_give_no_number_twice() -> None:
    seniors = [make_senior() for _ in range(4)]
    is_over = threading.Event()
    seen: list[int] = []

    def sequence() -> None:
        while not is_over.is_set():
            stamp_sequence()

    def follow() -> None:
        """A reader with a cursor: what it passes must never be added to."""
        while not is_over.is_set():
            seen.extend(numbers(after=seen[-1] if seen else 0))
            time.sleep(0.002)

    def write(senior: Senior) -> None:
        for number in range(15):
            raise_emergency(cause(senior, source=f"{senior.pk}:{number}"))

    others = [threading.Thread(target=in_thread_of_its_own, args=(work,)) for work in (sequence, sequence, follow)]
    for thread in others:
        thread.start()
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda senior: in_thread_of_its_own(lambda: write(senior)), seniors))
    stamp_sequence()
    time.sleep(0.05)
    is_over.set()
    for thread in others:
        thread.join()
    assert numbers() == list(range(1, 61))
    assert seen == list(range(1, 61))


@pytest.mark.django_db(transaction=True)
def test_a_raising_that_fails_leaves_nothing(senior: Senior, kim: Staff) -> None:
    log: EmergencyLog = raised(senior)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        acknowledge(log.pk, kim)
        raise ZeroDivisionError
    log.refresh_from_db()
    assert (log.status, Outbox.objects.count()) == ("open", 1)
