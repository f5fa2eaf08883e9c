"""A skip that nobody allowed fails the run."""

from __future__ import annotations

import pytest

from tests.skip_gate import ALLOWED, AllowedSkipsUnreadable, find_unlisted, read_allowed_skips

pytest_plugins = ["pytester"]

LIST = "# comment\n\ntests/flows/* | chromium is not installed | a bare machine has no browser\n"


def test_a_listed_skip_passes_and_any_other_is_named() -> None:
    allowed = read_allowed_skips(LIST)
    listed = ("tests/flows/test_desk.py::test_alert", "chromium is not installed")
    other_test = ("tests/ai/test_detector.py::test_score", "chromium is not installed")
    other_reason = ("tests/flows/test_desk.py::test_alert", "flaky")
    assert find_unlisted([listed], allowed) == []
    assert find_unlisted([listed, other_test, other_reason], allowed) == [
        "tests/ai/test_detector.py::test_score: chromium is not installed",
        "tests/flows/test_desk.py::test_alert: flaky",
    ]


@pytest.mark.parametrize("line", ["tests/flows/*", "tests/flows/* | chromium is not installed", "a | b | "])
def test_a_line_without_a_reason_is_refused(line: str) -> None:
    with pytest.raises(AllowedSkipsUnreadable, match="line 1"):
        read_allowed_skips(line)


def test_the_list_itself_can_be_read() -> None:
    assert read_allowed_skips(ALLOWED.read_text(encoding="utf-8"))


def test_an_unlisted_skip_fails_a_run_that_would_have_passed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\ndef test_one(): pass\n\ndef test_two(): pytest.skip('not today')\n")
    result = pytester.runpytest("-p", "tests.skip_gate", "-p", "no:django", "-p", "no:asyncio")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*test_two: not today"])
