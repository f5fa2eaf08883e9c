"""What is remembered of each senior between two ticks: the last sign of life, and the last door that was heard.

Only maxima are kept, so the same events again, or in another order, lead to the same. Times are local seconds (see
features), 0 for never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .features import LEAVING_SECONDS, Flags, Seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGN_FORMAT = 3
SIGN = np.dtype([("last", "<f8"), ("door", "<f8")])
Signs = np.ndarray
"""Shape (n,), dtype SIGN."""


class Heard(NamedTuple):
    """Activity of some seniors, in any order: indices into the signs, local seconds, which events were a door's."""

    row: NDArray[np.int64]
    at: Seconds
    door: Flags


def empty_signs(n: int) -> Signs:
    return np.zeros(n, dtype=SIGN)


def take_in(signs: Signs, heard: Heard) -> None:
    """Brings the signs up to date, in place."""
    np.maximum.at(signs["last"], heard.row, heard.at)
    np.maximum.at(signs["door"], heard.row[heard.door], heard.at[heard.door])


def find_out(signs: Signs) -> Flags:
    """Whose last sign was a door, or came within a minute of one: shape (n,)."""
    return np.asarray((signs["door"] > 0) & (signs["last"] - signs["door"] <= LEAVING_SECONDS))
