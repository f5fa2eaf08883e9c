"""Django's database calls from asynchronous code, on a few threads of their own.

asgiref's default would queue every call of the process behind one another on a single thread: one slow statement
would hold back all sockets.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from channels.db import DatabaseSyncToAsync

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

THREADS = ThreadPoolExecutor(max_workers=12, thread_name_prefix="database")


async def in_database_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Calls `function` on a database thread; its connection goes back to the pool afterwards."""
    call = DatabaseSyncToAsync(function, thread_sensitive=False, executor=THREADS)
    result: R = await call(*args, **kwargs)
    return result
