from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from monitoring.notification import web_push
from portal import checks, runtime
from portal.embedded.credentials import generate_vapid_key
from portal.operation import provisioning
from portal.operation.channel_diagnosis import look_at_channels

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

FILES = "django.core.mail.backends.filebased.EmailBackend"


@pytest.fixture
def nothing_set(settings: Settings) -> None:
    settings.EMAIL_BACKEND = FILES
    settings.ANBU_VAPID_PRIVATE_KEY = ""
    settings.ANBU_SOLAPI = dict.fromkeys(settings.ANBU_SOLAPI, "")
    settings.ANBU_OPERATOR_URLS = []


def test_channels_that_reach_nobody_are_named_with_what_to_do(nothing_set: None) -> None:
    findings = list(look_at_channels())
    assert [finding.state for finding in findings] == ["notice", "broken", "notice", "notice"]
    assert all(finding.remedy for finding in findings)
    assert {problem.id for problem in checks.check_channels(None)} == {f"anbu.W00{number}" for number in (6, 7, 8, 9)}


def test_channels_that_are_set_up_are_fine(settings: Settings) -> None:
    settings.ANBU_VAPID_PRIVATE_KEY = generate_vapid_key()
    settings.ANBU_VAPID_SUBJECT = "mailto:office@anbu.example"
    settings.ANBU_PUBLIC_URL = "https://anbu.example"
    settings.ANBU_SOLAPI = dict.fromkeys(settings.ANBU_SOLAPI, "set")
    settings.ANBU_OPERATOR_URLS = ["json://alarm.example"]
    assert [finding.state for finding in look_at_channels()] == ["ok"] * 4
    assert checks.check_channels(None) == []


def test_a_contact_or_an_address_that_push_services_refuse_is_named(settings: Settings) -> None:
    settings.ANBU_VAPID_SUBJECT = "mailto:anbu@localhost"
    assert [finding.state for finding in look_at_channels()][1] == "notice"
    settings.ANBU_VAPID_SUBJECT = "mailto:office@anbu.example"
    settings.ANBU_PUBLIC_URL = "http://10.0.0.7:8000"
    assert [finding.state for finding in look_at_channels()][1] == "notice"


def test_provisioning_makes_the_signing_key_once_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("ANBU_DATA", str(tmp_path))
    monkeypatch.delenv("ANBU_VAPID_PRIVATE_KEY", raising=False)
    assert provisioning._provide_push_key().done
    key = runtime.read("backend")["ANBU_VAPID_PRIVATE_KEY"]
    assert provisioning._provide_push_key().done
    assert runtime.read("backend")["ANBU_VAPID_PRIVATE_KEY"] == key
    settings.ANBU_VAPID_PRIVATE_KEY = key
    assert len(web_push.public_key()) == 87  # 65 bytes, an uncompressed point
