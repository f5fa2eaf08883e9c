"""Tools that a test needs and a bare machine lacks: a printed skip there, a failure in CI, which installs them."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def give_up(reason: str) -> NoReturn:
    """Skip with `reason`, or fail with it in CI. The reason must be listed in tests/allowed_skips.txt."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def require_tool(name: str) -> str:
    """Return the path of the program `name`."""
    path = shutil.which(name)
    if path is None:
        give_up(f"{name} is not installed")
    return path
