"""What dies is started again, what is told to stop is gone by its deadline, and AI workers know no backend secret."""

from __future__ import annotations

import os
import signal
import sys
import time
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from portal import runtime
from portal.operation.console import Console
from portal.operation.procfile import MalformedProcfile, parse_procfile
from portal.operation.runtime_variables import change_user, restrict_environment
from portal.operation.supervisor import Backoff, PortalProcess, Supervisor, stop_children

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
WITH_CHILD = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(child.pid, flush=True); time.sleep(60)"
)


class Terminal:
    """The console of a test, with what was written to it."""

    def __init__(self, folder: Path) -> None:
        self.stream = StringIO()
        self.console = Console(self.stream, folder, quiet=False)

    def process(self, code: str, name: str = "worker") -> PortalProcess:
        return PortalProcess(name, (sys.executable, "-c", code), dict(os.environ), runtime.REPOSITORY, self.console)

    def wait_for(self, is_true: Callable[[], bool], seconds: float = 5.0) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.console.pump(0.02)
            if is_true():
                return True
        return False

    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_the_wait_before_a_restart_doubles_up_to_ten_seconds() -> None:
    backoff = Backoff()
    assert [backoff.delay_after(0.1) for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]


def test_the_wait_begins_anew_after_a_life_of_thirty_seconds() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.delay_after(1)
    assert backoff.delay_after(30) == 0.5
    assert backoff.delay_after(1) == 1


def test_a_killed_process_is_back_within_five_seconds_and_it_is_said_once(terminal: Terminal) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    process = terminal.process(SLEEP)
    supervisor.watch(process, is_running=False)
    supervisor.check()
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    killed_at = time.monotonic()
    try:
        assert terminal.wait_for(lambda: supervisor.check() or False)
        assert time.monotonic() - killed_at < 5
        assert process.pid != first
        assert process.poll() is None
        assert said == ["worker was killed by SIGKILL after 0 s; starting it again in 0.5 s."]
    finally:
        stop_children([process], 2, terminal.console.pump)


def test_a_program_that_does_not_exist_is_reported_and_tried_again(terminal: Terminal) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    process = PortalProcess("ghost", ("/nonexistent/program",), {}, runtime.REPOSITORY, terminal.console)
    supervisor.watch(process, is_running=False)
    supervisor.check()
    assert len(said) == 1
    assert said[0].startswith("ghost could not be started")


def test_what_a_dead_process_leaves_of_its_group_is_killed(terminal: Terminal) -> None:
    process = terminal.process(WITH_CHILD)
    process.start()
    assert terminal.wait_for(lambda: bool(terminal.lines()))
    grandchild = int(terminal.lines()[0].partition("|")[2])
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    assert terminal.wait_for(lambda: process.poll() is not None)
    assert terminal.wait_for(lambda: not _is_running(grandchild))


def test_a_process_that_ignores_the_request_is_killed_at_the_deadline(terminal: Terminal) -> None:
    deaf, polite = terminal.process(STUBBORN, "deaf"), terminal.process(SLEEP, "polite")
    for process in (deaf, polite):
        process.start()
    assert terminal.wait_for(lambda: any("deaf" in line.partition("|")[2] for line in terminal.lines()))
    began = time.monotonic()
    assert stop_children([deaf, polite], 0.5, terminal.console.pump) == ["deaf"]
    assert time.monotonic() - began < 2
    assert deaf.poll() == -signal.SIGKILL
    assert polite.poll() == -signal.SIGTERM


def test_each_line_of_output_carries_the_name_of_its_process(terminal: Terminal) -> None:
    process = terminal.process("print('one'); print('two'); print('rest', end='')", "beat")
    process.start()
    assert terminal.wait_for(lambda: len(terminal.lines()) == 3)
    assert terminal.lines() == [f"{'beat':<16}| {word}" for word in ("one", "two", "rest")]
    assert terminal.wait_for(lambda: process.poll() == 0)


def test_a_quiet_console_writes_to_a_file_for_each_process(tmp_path: Path) -> None:
    console = Console(StringIO(), tmp_path, quiet=True)
    process = PortalProcess("beat", (sys.executable, "-c", "print('tick')"), {}, runtime.REPOSITORY, console)
    process.start()
    while process.poll() is None:
        console.pump(0.02)
    assert (tmp_path / "beat.log").read_text(encoding="utf-8") == "tick\n"


def test_a_quiet_console_still_shows_the_processes_that_are_named(tmp_path: Path) -> None:
    stream = StringIO()
    console = Console(stream, tmp_path, quiet=True, shown=frozenset({"seed"}))
    process = PortalProcess("seed", (sys.executable, "-c", "print('ready')"), {}, runtime.REPOSITORY, console)
    process.start()
    while process.poll() is None or not stream.getvalue():
        console.pump(0.02)
    assert stream.getvalue() == f"{'seed':<16}| ready\n"


def test_the_procfile_holds_the_eight_processes_and_marks_the_two_ai_workers() -> None:
    entries = parse_procfile((runtime.REPOSITORY / "Procfile").read_text(encoding="utf-8"))
    assert [entry.name for entry in entries] == [
        "web",
        "relay",
        "listener",
        "watchdog",
        "worker-scoring",
        "worker-training",
        "worker-portal",
        "beat",
    ]
    assert [entry.name for entry in entries if entry.is_ai_worker] == ["worker-scoring", "worker-training"]


def test_a_variable_of_the_command_is_filled_in_and_an_unknown_one_is_named() -> None:
    (entry,) = parse_procfile("web: POOL=2 serve --port $PORT")
    assert entry.variables == {"POOL": "2"}
    assert entry.expand({"PORT": "8000"}) == ("serve", "--port", "8000")
    with pytest.raises(MalformedProcfile, match="PORT"):
        entry.expand({})


@pytest.mark.parametrize("text", ["web serve", "web:", "web: A=1", "web: 'open", "web: a\nweb: b"])
def test_a_line_that_cannot_be_read_is_refused_by_its_number(text: str) -> None:
    with pytest.raises(MalformedProcfile, match=r"Line [12]"):
        parse_procfile(text)


def test_an_ai_worker_gets_its_surroundings_and_its_own_variables_and_no_secret_of_the_backend() -> None:
    backend = {
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "DATABASE_URL": "postgres://anbu:write@db/anbu",
        "REDIS_URL": "redis://default:all@cache",
        "SECRET_KEY": "signing",
        "ANBU_KEY_PEPPER": "pepper",
        "EMAIL_URL": "smtp://user:pass@mail",
        "ANBU_ADMIN_DATABASE_URL": "postgres://postgres:root@db/anbu",
        "SOMETHING_NEW": "unknown",
    }
    own = {"DATABASE_URL": "postgres://ai_reader:read@db/anbu", "SECRET_KEY": "other"}
    assert restrict_environment(backend, own) == {"PATH": "/usr/bin", "LC_ALL": "C.UTF-8", **own}


def test_a_url_keeps_its_place_when_its_user_changes() -> None:
    url = change_user("postgres://anbu:a%40b@db.example:5433/anbu?sslmode=require", "ai_reader", "p/w")
    assert url == "postgres://ai_reader:p%2Fw@db.example:5433/anbu?sslmode=require"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
