from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from devices.grouped_calls import GroupedCall

if TYPE_CHECKING:
    from collections.abc import Sequence


class Directory:
    """Knows the lengths of words; the first question takes until it is let go."""

    def __init__(self) -> None:
        self.questions: list[list[str]] = []
        self.let_go = threading.Event()

    def __call__(self, words: Sequence[str]) -> dict[str, int]:
        self.questions.append(list(words))
        assert self.let_go.wait(10)
        if "bad" in words:
            raise LookupError("bad")
        return {word: len(word) for word in words if word != "unknown"}


async def until_asked(directory: Directory) -> None:
    async with asyncio.timeout(10):
        while not directory.questions:
            await asyncio.sleep(0.01)


async def test_what_is_asked_meanwhile_goes_with_the_next_question() -> None:
    directory = Directory()
    call = GroupedCall(directory)
    first = call.ask("one")
    await until_asked(directory)
    others = [call.ask(word) for word in ("three", "unknown", "three")]
    directory.let_go.set()
    assert [await answer for answer in (first, *others)] == [3, 5, None, 5]
    assert directory.questions == [["one"], ["three", "unknown"]]


async def test_an_error_reaches_those_who_asked_and_nobody_else() -> None:
    directory = Directory()
    call = GroupedCall(directory)
    bad = call.ask("bad")
    await until_asked(directory)
    good = call.ask("good")
    directory.let_go.set()
    with pytest.raises(LookupError):
        await bad
    assert await good == 4
