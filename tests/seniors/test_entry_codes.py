"""How to get into a home is kept encrypted, shown to whoever may see the senior, and each look leaves a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection

from seniors.entry_codes import EntryCodesLocked, reveal_entry_code, store_entry_code
from seniors.models import AccessLog, EntryCode

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import Settings

    from seniors.models import Senior, Staff

pytestmark = pytest.mark.django_db
CODE = "현관 *2580, 열쇠는 화분 밑"


def test_what_is_kept_opens_no_door(senior: Senior, kim: Staff) -> None:
    store_entry_code(senior, CODE, kim)
    with connection.cursor() as cursor:
        cursor.execute("SELECT ciphertext FROM entry_codes")
        stored = bytes(cursor.fetchone()[0])
    assert b"2580" not in stored
    assert CODE.encode() not in stored
    assert reveal_entry_code(senior) == CODE


def test_a_key_is_changed_by_putting_a_new_one_in_front(senior: Senior, settings: Settings) -> None:
    settings.ANBU_ENTRY_CODE_KEYS = ["old-key-of-thirty-two-characters"]
    store_entry_code(senior, CODE, None)
    settings.ANBU_ENTRY_CODE_KEYS = ["new-key-of-thirty-two-characters", "old-key-of-thirty-two-characters"]
    assert reveal_entry_code(senior) == CODE


def test_a_lost_key_is_said_and_not_answered_with_nothing(senior: Senior, settings: Settings) -> None:
    store_entry_code(senior, CODE, None)
    for keys in (["another-key-of-thirty-two-charact"], []):
        settings.ANBU_ENTRY_CODE_KEYS = keys
        with pytest.raises(EntryCodesLocked):
            reveal_entry_code(senior)


def test_an_empty_text_removes_it(senior: Senior) -> None:
    store_entry_code(senior, CODE, None)
    store_entry_code(senior, "", None)
    assert not EntryCode.objects.exists()
    assert reveal_entry_code(senior) == ""


def test_it_is_set_by_put_shown_by_post_and_never_by_get(client: Client, senior: Senior, kim: Staff) -> None:
    client.force_login(kim)
    url = f"/api/v1/seniors/{senior.pk}/entry-code"
    assert client.put(url, {"entry_code": CODE}, content_type="application/json").status_code == 204
    assert client.get(url).status_code == 405
    assert not AccessLog.objects.filter(action="entry_code.reveal").exists()
    assert client.post(url, {}, content_type="application/json").json() == {"entry_code": CODE}
    row = AccessLog.objects.get(action="entry_code.reveal")
    assert (row.staff_id, row.senior_id) == (kim.pk, senior.pk)


def test_strangers_and_guardians_get_none(client: Client, senior: Senior, lee: Staff, guardian: Staff) -> None:
    url = f"/api/v1/seniors/{senior.pk}/entry-code"
    client.force_login(lee)
    assert client.post(url, {}, content_type="application/json").status_code == 404
    client.force_login(guardian)
    assert client.post(url, {}, content_type="application/json").status_code == 403
    assert not AccessLog.objects.filter(action="entry_code.reveal").exists()


def test_the_card_shows_it_by_post_alone(client: Client, senior: Senior, kim: Staff) -> None:
    store_entry_code(senior, CODE, kim)
    client.force_login(kim)
    url = f"/admin/care/{senior.pk}/card/"
    assert "2580" not in client.get(url).content.decode()
    assert "2580" in client.post(url).content.decode()
    assert AccessLog.objects.filter(action="entry_code.reveal", senior_id=senior.pk).count() == 1
