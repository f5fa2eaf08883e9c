"""The backend double of the hub's tests, and a portal that homes are driven against."""

from __future__ import annotations

from tests.examples.conftest import backend

__all__ = ["backend"]
