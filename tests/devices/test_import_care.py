from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from devices.models import IoTHub
from seniors.models import Senior, StaffSenior
from tests.factories import make_hub, make_senior, make_staff

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db
HEADER = "full_name,address,phone,health_info,staff_emails,device_id"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "care.csv"


def run(table: Path, *lines: str, header: str = HEADER, **options: Any) -> None:
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    call_command("import_care", str(table), **options)


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return told


def test_a_line_brings_a_senior_with_their_people_and_their_hub(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_staff(email="kim@anbu.example")
    make_staff("guardian", email="son@anbu.example")
    health = '"{""혈압"": ""높음""}"'
    run(table, f"박순자,인제읍 1,010-1,{health},Kim@anbu.example; son@anbu.example,HUB-1", json=True)
    senior = Senior.objects.get()
    assert (senior.full_name, senior.address, senior.phone) == ("박순자", "인제읍 1", "010-1")
    assert senior.health_info == {"혈압": "높음"}
    assert StaffSenior.objects.filter(senior=senior).count() == 2
    assert IoTHub.objects.get(senior=senior).device_id == "HUB-1"
    assert [line["outcome"] for line in report(capsys)["lines"]] == ["created"]


def test_the_same_file_again_changes_nothing(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_staff(email="kim@anbu.example")
    for _ in range(2):
        run(table, "박순자,인제읍 1,,,kim@anbu.example,HUB-1", json=True)
    assert report(capsys)["unchanged"] == 1
    assert (Senior.objects.count(), StaffSenior.objects.count(), IoTHub.objects.count()) == (1, 1, 1)


def test_a_known_senior_gets_what_is_new(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(table, "박순자,인제읍 1,,,,")
    run(table, "박순자,인제읍 1,,,,HUB-1", json=True)
    assert report(capsys)["lines"][0]["done"] == ["hub HUB-1 registered"]
    assert Senior.objects.count() == 1


def test_a_dry_run_says_the_same_and_keeps_nothing(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(table, "박순자,인제읍 1,,,,HUB-1", "이말순,인제읍 2,,,,", dry_run=True, json=True)
    assert report(capsys)["created"] == 2
    assert not Senior.objects.exists()


def test_a_bad_line_costs_the_good_ones_nothing_and_fails_the_command(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken, _ = make_hub(make_senior())
    bad = [
        ",인제읍 2,,,,",
        "이말순,,,,,",
        f"{'김' * 101},인제읍 3,,,,",
        "이말순,인제읍 4,,high,,",
        "이말순,인제읍 5,,[1],,",
        "이말순,인제읍 6,,,nobody@anbu.example,",
        f"이말순,인제읍 7,,,,{taken.device_id}",
        "박순자,인제읍 1,,,,HUB-2",
    ]
    with pytest.raises(CommandError, match="8 of 9 lines"):
        run(table, "박순자,인제읍 1,,,,HUB-1", *bad, json=True)
    lines = report(capsys)["lines"]
    assert [line["outcome"] for line in lines] == ["created", *["error"] * 8]
    assert [line["line"] for line in lines] == list(range(2, 11))
    assert all(line["error"] for line in lines[1:])
    assert not Senior.objects.filter(full_name="이말순").exists()


def test_without_json_each_line_is_told_in_words(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(table, "박순자,인제읍 1,,,,HUB-1")
    assert capsys.readouterr().out.splitlines() == [
        "line 2: created: 박순자: senior registered, hub HUB-1 registered",
        "1 created",
    ]


def test_what_excel_writes_in_korea_is_read(table: Path) -> None:
    table.write_text(f"{HEADER}\n박순자,인제읍 1,,,,\n", encoding="cp949")
    with pytest.raises(CommandError, match="cp949"):
        call_command("import_care", str(table))
    call_command("import_care", str(table), encoding="cp949")
    assert Senior.objects.get().full_name == "박순자"


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        ("full_name,phone", "박순자,1", "address is missing"),
        ("full_name,address,colour", "박순자,인제읍 1,red", "colour"),
        ("full_name,address,address", "박순자,인제읍 1,2", "twice"),
        (HEADER, "박순자,인제읍, 1,,,,", "more cells"),
        (HEADER, '"박순자,인제읍 1', "no CSV"),
    ],
)
def test_what_is_no_such_table_is_refused_whole(table: Path, header: str, line: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(table, line, header=header)
    assert not Senior.objects.exists()


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_care", str(tmp_path / "nothing.csv"))
