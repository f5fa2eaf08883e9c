from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from seniors.models import AccessLog, Senior

if TYPE_CHECKING:
    from seniors.models import Staff

pytestmark = pytest.mark.django_db


def call(by: Staff, method: str, senior_id: int, staff_id: int) -> int:
    client = Client()
    client.force_login(by)
    status: int = getattr(client, method)(f"/api/v1/seniors/{senior_id}/staff/{staff_id}").status_code
    return status


def sees(staff: Staff, senior: Senior) -> bool:
    return Senior.objects.visible_to(staff).filter(pk=senior.pk).exists()


def test_a_supervisor_maps_and_unmaps(senior: Senior, lee: Staff, park: Staff) -> None:
    assert [call(park, "put", senior.pk, lee.pk) for _ in range(2)] == [204, 204]
    assert sees(lee, senior)
    assert [call(park, "delete", senior.pk, lee.pk) for _ in range(2)] == [204, 404]
    assert not sees(lee, senior)
    trace = AccessLog.objects.filter(staff=park, senior_id=senior.pk).values_list("action", flat=True)
    assert sorted(trace) == ["mapping.add", "mapping.add", "mapping.remove"]


@pytest.mark.parametrize("method", ["put", "delete"])
def test_nobody_else_may(senior: Senior, kim: Staff, lee: Staff, guardian: Staff, method: str) -> None:
    assert [call(person, method, senior.pk, lee.pk) for person in (kim, lee, guardian)] == [403] * 3
    assert Client().put(f"/api/v1/seniors/{senior.pk}/staff/{lee.pk}").status_code == 401


def test_who_is_not_there_cannot_be_mapped(senior: Senior, lee: Staff, park: Staff) -> None:
    for senior_id, staff_id in ((senior.pk + 1000, lee.pk), (senior.pk, lee.pk + 1000), (10**30, 10**30)):
        assert call(park, "put", senior_id, staff_id) == 404
        assert call(park, "delete", senior_id, staff_id) == 404


# -- the one rule of who sees whom


def test_who_sees_whom(senior: Senior, kim: Staff, lee: Staff, park: Staff, guardian: Staff) -> None:
    assert [sees(person, senior) for person in (kim, lee, park, guardian)] == [True, False, True, True]
    for person in (kim, park, guardian):
        person.is_active = False
        assert not sees(person, senior)
