"""A press for help that the backend does not hear is heard in the home."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from examples import hub as reference
from examples.hub import Hub, SoundCommand
from tests.examples.backend_double import KEY
from tests.examples.conftest import reach

if TYPE_CHECKING:
    from pathlib import Path

    from tests.examples.backend_double import BackendDouble
    from tests.examples.conftest import RunHub


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "SOUND_AFTER_S", 0.3)
    monkeypatch.setattr(reference, "SOUND_AGAIN_S", 0.3)


async def test_a_press_that_cannot_be_told_sounds_until_it_is_and_goes_first(
    backend: BackendDouble, run_hub: RunHub
) -> None:
    sounded: list[int] = []
    backend.refusals.extend([(503, {"Retry-After": "1"}, {"code": "store_unavailable"})] * 4)
    async with run_hub(sound=lambda: sounded.append(len(backend.stored))) as hub:
        hub.record_many([reference.Event("bed", "bed in", True)] * 3)
        hub.record("pendant", "sos", True)
        await reach(lambda: len(sounded) >= 2)
        assert ("pendant", "sos") not in {(sensor, content) for (sensor, *_), content in backend.stored.items()}
        await hub.drained()
        told = len(sounded)
        batches = [[event["event_content"] for event in batch] for batch in backend.batches]
        assert ["sos"] in batches  # with nothing else, which might hold it back
        await reach(lambda: not hub.pending)
    assert told == len(sounded)


async def test_a_press_that_is_heard_makes_no_sound(backend: BackendDouble, run_hub: RunHub) -> None:
    sounded: list[int] = []
    async with run_hub(sound=lambda: sounded.append(1)) as hub:
        hub.record("pendant", "sos", True)
        await hub.drained()
        hub.record("bed", "bed in", True)
        await hub.drained()
    assert sounded == []


async def test_a_press_from_before_a_power_cut_sounds_too(
    backend: BackendDouble, run_hub: RunHub, tmp_path: Path
) -> None:
    before = Hub(backend.url, KEY, tmp_path / "hub.db")
    before.record("pendant", "fall", True)
    before._buffer.close()
    sounded: list[int] = []
    backend.refusals.extend([(503, {"Retry-After": "1"}, {})] * 2)
    async with run_hub(sound=lambda: sounded.append(1)) as hub:
        await reach(lambda: sounded)
        await hub.drained()


async def test_the_sound_may_be_any_command_and_is_played_once_at_a_time(tmp_path: Path) -> None:
    played = tmp_path / "played"
    program = f"import time; open({str(played)!r}, 'a').write('x'); time.sleep(1)"
    sound = SoundCommand(f'"{sys.executable}" -c "{program}"')
    sound()
    await reach(lambda: played.exists() and played.read_text())
    sound()
    assert sound._playing is not None
    sound._playing.wait(10)
    assert played.read_text() == "x"


def test_a_command_that_is_not_there_rings_the_bell(capsys: pytest.CaptureFixture[str]) -> None:
    SoundCommand("/there/is/no/siren")()
    assert "\a" in capsys.readouterr().err
