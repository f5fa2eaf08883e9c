from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from seniors.models import Role, Staff

if TYPE_CHECKING:
    from seniors.models import Senior


def create(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("create_staff", *arguments, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_a_made_up_password_is_shown_once_and_works(db: None) -> None:
    answer = create("First@Anbu.example", "--full-name", "정은숙", "--role", "supervisor")
    staff = Staff.objects.get(email="first@anbu.example")
    assert staff.role == Role.SUPERVISOR
    assert staff.check_password(answer["password"])


def test_a_password_can_be_piped_in_and_is_not_repeated(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("느티나무-아래-산책\n"))
    answer = create("kim@anbu.example", "--full-name", "김수진", "--password-stdin")
    assert "password" not in answer
    assert Staff.objects.get().check_password("느티나무-아래-산책")


def test_people_are_mapped_to_the_seniors_named(senior: Senior) -> None:
    create("son@anbu.example", "--full-name", "박지훈", "--role", "guardian", "--senior", str(senior.pk))
    assert list(Staff.objects.get().mappings.values_list("senior_id", flat=True)) == [senior.pk]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["not-an-address", "--full-name", "가"], "is no e-mail address"),
        (["a@anbu.example", "--full-name", " "], "--full-name is empty"),
        (["a@anbu.example", "--full-name", "가", "--senior", "999999"], "there is no senior 999999"),
        (["a@anbu.example", "--full-name", "가", "--role", "guardian", "--superuser"], "cannot be an operator"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(db: None, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        create(*arguments)
    assert not Staff.objects.exists()


def test_a_second_account_of_the_same_address_is_refused(db: None) -> None:
    create("kim@anbu.example", "--full-name", "김수진")
    with pytest.raises(CommandError, match="has an account already"):
        create("KIM@anbu.example", "--full-name", "다른 김")


def test_a_weak_password_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("12345678\n"))
    with pytest.raises(CommandError, match="the password is refused"):
        create("kim@anbu.example", "--full-name", "김수진", "--password-stdin")
