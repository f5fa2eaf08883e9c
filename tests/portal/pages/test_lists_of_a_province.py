"""Lists that may be a province long: the same order as ever, counted only as far as anybody turns pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from monitoring.models import RiskState
from portal.api.senior_rows import senior_rows
from portal.pages.attention import ORDER, ByAttention
from seniors import capped_pages
from seniors.capped_pages import CappedPaginator
from seniors.models import Senior
from tests.factories import make_hub, make_senior, map_staff

if TYPE_CHECKING:
    from collections.abc import Callable

    from seniors.models import Staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def province(kim: Staff, happen: Callable[..., object]) -> None:
    """Seniors of every level, one without any, two in trouble; half of them Kim's."""
    for number, level in enumerate(["normal", "watch", "normal", "emergency", "warning", "no_data", "", "watch"]):
        senior = make_senior(full_name=f"어르신 {number}")
        make_hub(senior)
        if level:
            RiskState.objects.create(senior=senior, level=level, score=0.5, observed_at=timezone.now())
        if number % 2 == 0:
            map_staff(kim, senior)
        if number in (2, 5):
            happen(senior)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_pages_are_cut_from_the_one_order_whoever_looks(province: None, kim: Staff, park: Staff, size: int) -> None:
    for person in (kim, park):
        whole = list(senior_rows(person).order_by(*ORDER).values_list("pk", flat=True))
        paginator = CappedPaginator(ByAttention(person), size)
        cut = [row.pk for number in paginator.page_range for row in paginator.page(number)]
        assert cut == whole


def test_a_count_goes_no_further_than_its_cap_and_says_so(
    province: None, park: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists: list[Any] = [ByAttention(park), Senior.objects.all()]
    for rows in lists:
        assert not CappedPaginator(rows, 50).is_capped
    monkeypatch.setattr(capped_pages, "CAP", 3)
    for rows in lists:
        paginator = CappedPaginator(rows, 50)
        assert (paginator.count, paginator.is_capped) == (3, True)
