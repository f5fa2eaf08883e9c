from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ai.models import ServiceAccount
from ai.service_accounts import ServiceAccountExists, issue_service_account, revoke_service_account

pytestmark = pytest.mark.django_db(databases=["default", "timeseries"])


def ask(key: str) -> int:
    return Client(headers={"authorization": f"Api-Key {key}"}).get("/api/v1/ai/weights/1").status_code


def test_a_key_is_shown_once_and_only_its_hash_is_kept() -> None:
    key = issue_service_account("scoring-1")
    account = ServiceAccount.objects.get(name="scoring-1")
    assert key.startswith(f"{account.key_prefix}.")
    assert key.partition(".")[2] not in json.dumps([account.key_prefix, account.key_hash, account.name])


def test_a_revoked_key_opens_nothing() -> None:
    key = issue_service_account("scoring-1")
    assert ask(key) == 404
    assert revoke_service_account("scoring-1")
    assert ask(key) == 401
    assert not revoke_service_account("scoring-1")


def test_a_right_prefix_with_another_secret_opens_nothing() -> None:
    key, other = issue_service_account("one"), issue_service_account("two")
    assert ask(key.partition(".")[0] + "." + other.partition(".")[2]) == 401


def test_a_name_is_not_used_twice_even_after_its_key_died() -> None:
    issue_service_account("scoring-1")
    revoke_service_account("scoring-1")
    with pytest.raises(ServiceAccountExists):
        issue_service_account("scoring-1")


def test_the_command_prints_the_key_that_works() -> None:
    out = StringIO()
    call_command("create_service_account", "training", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert answer["name"] == "training"
    assert ask(answer["api_key"]) == 404


def test_the_command_says_what_to_do_about_a_taken_name() -> None:
    issue_service_account("training")
    with pytest.raises(CommandError, match="take another name"):
        call_command("create_service_account", "training")
