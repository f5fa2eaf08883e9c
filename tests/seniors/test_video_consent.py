from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from seniors.enrollment import has_video_consent, set_video_consent
from seniors.models import Consent

if TYPE_CHECKING:
    from seniors.models import Senior, Staff


@pytest.mark.django_db
def test_consent_is_given_withdrawn_and_given_anew_with_a_trace_of_each(senior: Senior, guardian: Staff) -> None:
    assert not has_video_consent(senior.pk)
    for given in (True, True, False, False, True):
        set_video_consent(senior, given, guardian)
        assert has_video_consent(senior.pk) is given
    first, second = Consent.objects.order_by("pk")
    assert first.withdrawn_at is not None
    assert (first.given_by, first.withdrawn_by, second.withdrawn_by) == (guardian, guardian, None)


@pytest.mark.django_db(transaction=True)
def test_two_who_give_it_at_once_give_it_once(senior: Senior, guardian: Staff, kim: Staff) -> None:
    def give(by: Staff) -> None:
        try:
            set_video_consent(senior, True, by)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as people:
        list(people.map(give, [guardian, kim] * 4))
    assert Consent.objects.count() == 1
