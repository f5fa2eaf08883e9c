"""`manage.py simulate_hub` as a process of its own, knowing nothing but a URL and keys."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

if TYPE_CHECKING:
    from tests.examples.backend_double import BackendDouble

REPOSITORY = Path(__file__).resolve().parents[3]
STORES = ("DATABASE_URL", "TIMESERIES_URL", "REDIS_URL", "S3_ENDPOINT_URL")


async def start(url: str, folder: Path, *options: str) -> asyncio.subprocess.Process:
    """Without any database: an outside client has none."""
    outside = {name: value for name, value in os.environ.items() if name not in STORES}
    return await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "simulate_hub", "--url", url, *options,
        cwd=REPOSITORY, env={**outside, "ANBU_DATA": str(folder)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def read_until(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    assert process.stdout
    async with asyncio.timeout(40):
        while True:
            line: dict[str, Any] = json.loads(await process.stdout.readline())
            if line["event"] == event:
                return line


async def test_sigterm_ends_the_homes_with_a_summary(backend: BackendDouble, tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    keys.write_text(json.dumps({"key": backend.key, "name": "박순자", "seed": 1, "silent_for": 20}) + "\n")
    process = await start(
        backend.url, tmp_path, "--keys-file", str(keys), "--days", "2", "--speed", "1000000", "--json"
    )
    past = await read_until(process, "past_delivered")
    assert past["accepted"] == past["delivered"] > 100
    assert past["percent"] == 100
    process.send_signal(signal.SIGTERM)
    summary = await read_until(process, "summary")
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert summary["by_home"][0]["name"] == "박순자"
    assert summary["by_home"][0]["silenced"] > 0
    assert len(backend.stored) == summary["accepted"]


async def test_a_refused_key_ends_the_command_with_a_failure(backend: BackendDouble, tmp_path: Path) -> None:
    process = await start(backend.url, tmp_path, "--key", "hub1.wrong", "--days", "0.1", "--json")
    await read_until(process, "summary")
    assert await asyncio.wait_for(process.wait(), 10) != 0


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ([], "give one --key"),
        (["--key", "a.1", "--homes", "2"], "give one --key"),
        (["--key", "a.1", "--incident", "flood@+3s"], r"fall@\+20s"),
        (["--key", "a.1", "--speed", "1"], "--speed is above 1"),
        (["--key", "a.1", "--days", "31"], "--days is 0 to 30"),
        (["--key", "a.1", "--silent-for", "-1"], "0 or more"),
        (["--key", "a.1", "--csv", "/nowhere/home.csv"], r"home\.csv"),
        (["--key", "a.1", "--url", "portal"], "http://"),
    ],
)
def test_wrong_arguments_are_answered_by_what_to_do(options: list[str], advice: str) -> None:
    with pytest.raises(CommandError, match=advice):
        call_command("simulate_hub", *(["--url", "http://127.0.0.1:1"] if "--url" not in options else []), *options)
