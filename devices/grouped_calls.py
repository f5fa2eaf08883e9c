"""Calls of one event loop joined: what is asked while the database answers others goes with the next question.

One statement for many then replaces a thread hop and a statement for each.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from .database_threads import in_database_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

K = TypeVar("K", bound="Hashable")
R = TypeVar("R")
log = structlog.get_logger(__name__)
AT_ONCE = 200


class GroupedCall(Generic[K, R]):
    """`function` takes some of the asked keys, on a database thread, and returns what it knows of them."""

    def __init__(self, function: Callable[[Sequence[K]], Mapping[K, R]]) -> None:
        self._function = function
        self._asked: dict[K, asyncio.Future[R | None]] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, key: K) -> asyncio.Future[R | None]:
        """What `function` says of `key`, None where it says nothing; its error. Do not cancel it: others may wait too.

        Asked twice before the question goes out, it goes out once.
        """
        answer = self._asked.get(key)
        if answer is None:
            answer = self._asked[key] = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._task = asyncio.create_task(self._work(), name="grouped calls")
        return answer

    async def _work(self) -> None:
        try:
            while self._asked:
                group = dict(islice(self._asked.items(), AT_ONCE))
                for key in group:
                    del self._asked[key]
                await self._answer(group)
        finally:
            self._task = None

    async def _answer(self, group: dict[K, asyncio.Future[R | None]]) -> None:
        question = asyncio.ensure_future(in_database_thread(self._function, list(group)))
        await asyncio.wait({question})
        error = question.exception()
        if error is not None:
            log.warning("a question to the database failed", keys=len(group), error=str(error))
        for key, answer in group.items():
            if answer.done():
                continue
            if error is None:
                answer.set_result(question.result().get(key))
            else:
                answer.set_exception(error)
                answer.exception()  # looked at: not every asker waits
