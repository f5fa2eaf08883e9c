from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.backend import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def watched() -> Iterator[Backend]:
    """A backend that judges who is online."""
    running = Backend("web", "watchdog")
    try:
        yield running
    finally:
        running.remove()
