"""A pytest plugin: a skip that tests/allowed_skips.txt does not list fails the run.

A line of that file is `<test id pattern> | <the reason it gives> | <why that is allowed>`; the first two are shell
patterns. A skip nobody allowed is a test nobody runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ALLOWED = Path(__file__).with_name("allowed_skips.txt")


class AllowedSkipsUnreadable(ValueError):
    """A line of the list is not three fields."""


@dataclass(frozen=True)
class AllowedSkip:
    tests: str
    reason: str
    why: str

    def covers(self, test: str, reason: str) -> bool:
        return fnmatchcase(test, self.tests) and fnmatchcase(reason, self.reason)


def read_allowed_skips(text: str) -> list[AllowedSkip]:
    allowed = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not all(fields):
            raise AllowedSkipsUnreadable(f"line {number}: give `test id | reason it gives | why that is allowed`")
        allowed.append(AllowedSkip(*fields))
    return allowed


def find_unlisted(skips: Iterable[tuple[str, str]], allowed: list[AllowedSkip]) -> list[str]:
    """Return a line for each (test id, reason) that nothing in `allowed` covers."""
    return [f"{test}: {reason}" for test, reason in skips if not any(entry.covers(test, reason) for entry in allowed)]


class SkipGate:
    def __init__(self) -> None:
        self._skips: list[tuple[str, str]] = []
        self._unlisted: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        self._skips.append((report.nodeid, reason.removeprefix("Skipped: ")))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._unlisted = find_unlisted(self._skips, read_allowed_skips(ALLOWED.read_text(encoding="utf-8")))
        if self._unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._unlisted:
            terminalreporter.section("skips that tests/allowed_skips.txt does not list", red=True)
            for line in self._unlisted:
                terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SkipGate(), "skip-gate")
