from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from devices.authentication import authenticate_hub
from tests.factories import make_senior

if TYPE_CHECKING:
    from devices.models import IoTHub
    from seniors.models import Senior


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def is_live(key: str) -> bool:
    return authenticate_hub(f"Api-Key {key}") is not None


def test_a_device_is_registered_for_a_senior(senior: Senior) -> None:
    told = json.loads(run("issue_hub_key", "HUB-A", "--senior", senior.pk, "--json"))
    assert (told["device_id"], told["senior_id"]) == ("HUB-A", senior.pk)
    assert is_live(told["api_key"])


def test_the_key_stands_on_a_line_of_its_own(senior: Senior) -> None:
    assert is_live(run("issue_hub_key", "HUB-A", "--senior", senior.pk).splitlines()[-1])


def test_a_rotation_with_overlap_keeps_the_old_key(hub: IoTHub, hub_key: str) -> None:
    told = json.loads(run("issue_hub_key", hub.device_id, "--rotate", "--overlap-s", 60, "--json"))
    assert is_live(told["api_key"])
    assert is_live(hub_key)
    assert told["previous_key_expires_at"]


def test_a_revoked_hub_gets_a_first_key_again(hub: IoTHub, hub_key: str) -> None:
    assert json.loads(run("revoke_hub_key", hub.device_id, "--json"))["revoked"] == 1
    assert not is_live(hub_key)
    assert is_live(json.loads(run("issue_hub_key", hub.device_id, "--json"))["api_key"])


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["issue_hub_key", "NOWHERE"], "--senior ID"),
        (["issue_hub_key", "{device}"], "--rotate"),
        (["issue_hub_key", "NEW-1", "--senior", "999999"], "no senior 999999"),
        (["issue_hub_key", "{device}", "--senior", "{other}"], "registered already"),
        (["issue_hub_key", "NEW-1", "--senior", "{senior}"], "deregister or replace"),
        (["issue_hub_key", "{device}", "--overlap-s", "5"], "needs --rotate"),
        (["issue_hub_key", "{device}", "--rotate", "--overlap-s", "86401"], "between 0 and 86400"),
        (["issue_hub_key", "{device}", "--rotate", "--senior", "{senior}"], "one of them"),
        (["issue_hub_key"], "device_id"),
        (["revoke_hub_key", "NOWHERE"], "look it up"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_says_what_to_do(hub: IoTHub, arguments: list[str], advice: str) -> None:
    values = {"device": hub.device_id, "senior": hub.senior_id, "other": make_senior().pk}
    with pytest.raises(CommandError, match=advice):
        run(*(argument.format(**values) for argument in arguments))


def test_nothing_to_revoke_is_a_failure(hub: IoTHub) -> None:
    run("revoke_hub_key", hub.device_id)
    with pytest.raises(CommandError, match="no live key"):
        run("revoke_hub_key", hub.device_id)
