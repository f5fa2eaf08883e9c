"""People and homes as rows, each with what a test does not care about filled in."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from devices import registration
from seniors.models import Role, Senior, Staff, StaffSenior

if TYPE_CHECKING:
    from devices.models import IoTHub

_numbers = itertools.count(1)


def make_staff(role: str = Role.CASEWORKER, **fields: Any) -> Staff:
    """A person without a password, unless one is given: hashing costs 0.3 s."""
    number = next(_numbers)
    defaults = {"email": f"staff{number}@anbu.example", "full_name": f"직원 {number}"}
    return Staff.objects.create_user(**{**defaults, "role": role, **fields})


def make_senior(**fields: Any) -> Senior:
    number = next(_numbers)
    return Senior.objects.create(**{"full_name": f"어르신 {number}", "address": f"서울시 종로구 {number}", **fields})


def make_hub(senior: Senior, device_id: str = "") -> tuple[IoTHub, str]:
    """A registered hub and its key."""
    hub, key = registration.register_hub(senior, device_id or f"HUB-{next(_numbers):04}", None)
    return hub, key.key


def map_staff(staff: Staff, senior: Senior) -> StaffSenior:
    return StaffSenior.objects.create(staff=staff, senior=senior)
