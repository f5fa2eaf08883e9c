from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from seniors.models import Revocation, Role, Staff
from seniors.revocations import digest_session
from tests.factories import make_staff

if TYPE_CHECKING:
    from django.test import Client

PASSWORD = "느티나무-아래-산책"


@pytest.fixture
def person(db: None) -> Staff:
    return make_staff(email="person@anbu.example", password=PASSWORD)


def log_in(client: Client, email: str, password: str) -> str:
    answer = client.post("/admin/login/?next=/admin/care/", {"username": email, "password": password})
    return str(answer["Location"]) if answer.status_code == 302 else answer.content.decode()


def test_the_right_password_leads_where_the_person_wanted_to_go(client: Client, person: Staff) -> None:
    assert log_in(client, "Person@anbu.example", PASSWORD) == "/admin/care/"


def test_a_wrong_password_and_an_unknown_e_mail_get_the_same_words(client: Client, person: Staff) -> None:
    words = "이메일 또는 비밀번호가 맞지 않습니다."
    assert words in log_in(client, person.email, "wrong")
    assert words in log_in(client, "nobody@anbu.example", "wrong")


def test_somebody_out_of_use_cannot_log_in(client: Client, person: Staff) -> None:
    Staff.objects.update(is_active=False)
    assert "이메일 또는 비밀번호가 맞지 않습니다." in log_in(client, person.email, PASSWORD)


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(client: Client, person: Staff) -> None:
    for _ in range(5):
        log_in(client, person.email, "wrong")
    assert "로그인 시도가 많았습니다." in log_in(client, person.email, PASSWORD)


def test_logging_out_ends_the_session_for_open_sockets_too(client: Client, person: Staff) -> None:
    client.force_login(person)
    session = client.session.session_key
    client.post("/admin/logout/")
    assert client.get("/admin/").status_code == 302
    assert Revocation.objects.filter(kind="session", subject=digest_session(session or "")).exists()


@pytest.mark.parametrize(("role", "place"), [(Role.CASEWORKER, "/admin/"), (Role.GUARDIAN, "/family/")])
def test_the_front_door_leads_everybody_to_their_own_page(client: Client, db: None, role: str, place: str) -> None:
    assert client.get("/")["Location"] == "/admin/login/"
    client.force_login(make_staff(role))
    assert client.get("/")["Location"] == place


def test_the_language_is_kept_with_the_account(client: Client, person: Staff) -> None:
    client.force_login(person)
    answer = client.post("/account/language/", {"language": "en", "next": "/admin/"})
    assert answer["Location"] == "/admin/"
    person.refresh_from_db()
    assert person.language == "en"
    assert "No emergency is waiting now" in client.get("/admin/").content.decode()


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)"])
def test_choosing_a_language_never_leads_elsewhere(client: Client, db: None, target: str) -> None:
    assert client.post("/account/language/", {"language": "en", "next": target})["Location"] == "/"


def test_before_log_in_the_language_is_korean_whatever_the_browser_asks_for(client: Client, db: None) -> None:
    answer = client.get("/admin/login/", headers={"Accept-Language": "en"})
    assert "비밀번호를 잊으셨나요?" in answer.content.decode()
    client.post("/account/language/", {"language": "en"})
    assert "Forgotten your password?" in client.get("/admin/login/").content.decode()


def test_a_forgotten_password_is_set_anew_by_the_mailed_link_once(
    client: Client, person: Staff, mailoutbox: list[object]
) -> None:
    answer = client.post("/account/reset/", {"email": "PERSON@anbu.example"}, follow=True)
    assert "메일을 확인하세요" in answer.content.decode()
    (mail,) = mailoutbox
    link = re.search(r"http://testserver(\S+)", mail.body)  # type: ignore[attr-defined]  # an EmailMessage
    assert link is not None
    form = client.get(link[1], follow=True)
    new = {"new_password1": "새로운-산책길-열둘", "new_password2": "새로운-산책길-열둘"}
    client.post(form.redirect_chain[-1][0], new)
    assert log_in(client, person.email, "새로운-산책길-열둘") == "/admin/care/"
    assert Revocation.objects.filter(kind="staff", subject=str(person.pk)).exists()
    assert "기한이 지난 주소입니다" in client.get(link[1], follow=True).content.decode()


def test_asking_for_an_unknown_e_mail_s_password_says_the_same_and_mails_nobody(
    client: Client, db: None, mailoutbox: list[object]
) -> None:
    answer = client.post("/account/reset/", {"email": "nobody@anbu.example"}, follow=True)
    assert "메일을 확인하세요" in answer.content.decode()
    assert mailoutbox == []


def test_an_account_made_without_a_password_gets_its_first_one_by_mail(
    client: Client, db: None, mailoutbox: list[object]
) -> None:
    make_staff(email="new@anbu.example")
    client.post("/account/reset/", {"email": "new@anbu.example"})
    assert len(mailoutbox) == 1
