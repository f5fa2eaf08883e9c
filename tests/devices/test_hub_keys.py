from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models.functions import Now

from devices import faults, registration
from devices.authentication import authenticate_hub
from devices.models import Fault, HubKey, IoTHub
from seniors.models import Revocation
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from seniors.models import Senior, Staff


def is_live(key: str) -> bool:
    return authenticate_hub(f"Api-Key {key}") is not None


def revoked() -> set[tuple[str, str]]:
    return set(Revocation.objects.values_list("kind", "subject"))


def prefix_of(key: str) -> str:
    return key.split(".")[0]


def test_a_new_key_proves_its_hub_and_senior(hub: IoTHub, hub_key: str) -> None:
    principal = authenticate_hub(f"Api-Key {hub_key}")
    assert principal is not None
    assert (principal.hub_id, principal.senior_id) == (hub.hub_id, hub.senior_id)


def test_a_bearer_key_is_taken_too(hub_key: str) -> None:
    assert authenticate_hub(f"bearer {hub_key}") is not None


@pytest.mark.parametrize("header", ["", "Api-Key", "Api-Key x", "Basic {key}", "{key}", "Api-Key {key}x"])
def test_another_form_proves_nobody(hub_key: str, header: str) -> None:
    assert authenticate_hub(header.format(key=hub_key)) is None


def test_the_right_prefix_with_a_wrong_secret_proves_nobody(hub_key: str) -> None:
    assert not is_live(hub_key[:-1] + ("A" if hub_key[-1] != "A" else "B"))


def test_neither_key_nor_secret_is_stored(hub: IoTHub, hub_key: str) -> None:
    row = HubKey.objects.get(hub=hub)
    assert hub_key.split(".")[1] not in f"{row.key_hash}{row.prefix}{hub.api_key_hash}"
    assert row.key_hash == hub.api_key_hash


def test_a_rotated_key_dies_at_once_without_overlap(hub: IoTHub, hub_key: str) -> None:
    rotation = registration.rotate_key(hub)
    assert not is_live(hub_key)
    assert is_live(rotation.key)
    assert rotation.previous_key_expires_at is not None
    assert ("hub_key", prefix_of(hub_key)) in revoked()


def test_with_overlap_both_keys_live(hub: IoTHub, hub_key: str) -> None:
    rotation = registration.rotate_key(hub, overlap_s=3600)
    assert is_live(hub_key)
    assert is_live(rotation.key)
    assert rotation.previous_key_expires_at is not None
    lives_on = rotation.previous_key_expires_at - rotation.created_at
    assert timedelta(minutes=59) < lives_on <= timedelta(hours=1)


def test_an_overlap_ends_by_itself(hub: IoTHub, hub_key: str) -> None:
    registration.rotate_key(hub, overlap_s=3600)
    HubKey.objects.filter(prefix=prefix_of(hub_key)).update(expires_at=Now())
    assert not is_live(hub_key)


def test_a_further_rotation_kills_the_oldest_key_at_once(hub: IoTHub, hub_key: str) -> None:
    second = registration.rotate_key(hub, overlap_s=3600).key
    third = registration.rotate_key(hub, overlap_s=3600).key
    assert [is_live(key) for key in (hub_key, second, third)] == [False, True, True]
    assert HubKey.objects.live().filter(hub=hub).count() == 2


def test_an_end_that_was_set_is_not_put_off(hub: IoTHub, hub_key: str) -> None:
    HubKey.objects.filter(hub=hub).update(expires_at=Now() + timedelta(seconds=5))
    ends = HubKey.objects.get(hub=hub).expires_at
    assert registration.rotate_key(hub, overlap_s=3600).previous_key_expires_at == ends


@pytest.mark.parametrize("overlap_s", [-1, 86_401])
def test_an_overlap_has_limits(hub: IoTHub, overlap_s: int) -> None:
    with pytest.raises(ValueError, match="overlap_s"):
        registration.rotate_key(hub, overlap_s)


def test_the_hub_row_mirrors_the_newest_key(hub: IoTHub) -> None:
    rotation = registration.rotate_key(hub, overlap_s=60)
    hub.refresh_from_db()
    assert hub.api_key_hash == HubKey.objects.get(prefix=rotation.prefix).key_hash


def test_deregistration_kills_every_key_and_clears_the_faults(hub: IoTHub, hub_key: str, park: Staff) -> None:
    faults.raise_fault(hub.hub_id, Fault.Kind.HUB_OFFLINE)
    second = registration.rotate_key(hub, overlap_s=3600).key
    registration.deregister(hub, park)
    assert not is_live(hub_key)
    assert not is_live(second)
    assert ("hub", str(hub.hub_id)) in revoked()
    assert not Fault.objects.filter(cleared_at=None).exists()


def test_a_hub_is_deregistered_once(hub: IoTHub) -> None:
    registration.deregister(hub, None)
    with pytest.raises(registration.HubNotRegistered):
        registration.deregister(hub, None)


def test_a_registered_device_is_nobody_elses(hub: IoTHub) -> None:
    with pytest.raises(registration.DeviceAlreadyRegistered):
        make_hub(make_senior(), hub.device_id)


def test_a_senior_has_one_hub(hub: IoTHub, senior: Senior) -> None:
    with pytest.raises(registration.SeniorHasHub):
        make_hub(senior)


def test_a_deregistered_device_can_be_registered_anew_as_a_new_hub(hub: IoTHub) -> None:
    registration.deregister(hub, None)
    again, _ = make_hub(make_senior(), hub.device_id)
    assert again.hub_id != hub.hub_id


def test_a_replaced_hub_ends_as_the_new_one_begins(hub: IoTHub, hub_key: str, senior: Senior) -> None:
    new, key = registration.replace_hub(senior, hub.hub_id, "SPARE-1", None)
    assert not is_live(hub_key)
    assert is_live(key.key)
    assert new.senior_id == senior.pk


def test_a_failed_replacement_leaves_the_old_hub_as_it_was(hub: IoTHub, hub_key: str, senior: Senior) -> None:
    taken, _ = make_hub(make_senior())
    with pytest.raises(registration.DeviceAlreadyRegistered):
        registration.replace_hub(senior, hub.hub_id, taken.device_id, None)
    assert is_live(hub_key)


def test_only_the_seniors_own_hub_is_replaced(hub: IoTHub) -> None:
    other, _ = make_hub(make_senior())
    with pytest.raises(registration.HubNotRegistered):
        registration.replace_hub(hub.senior, other.hub_id, "SPARE-1", None)


def test_a_first_key_is_issued_only_where_none_lives(hub: IoTHub, hub_key: str) -> None:
    with pytest.raises(registration.KeyStillLives):
        registration.issue_key(hub)
    assert registration.revoke_keys(hub) == 1
    assert not is_live(hub_key)
    assert is_live(registration.issue_key(hub).key)
