"""A person's habits in and out of an artifact."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import numpy as np

from .artifact import FORMAT, Header, Shape, UnreadableWeights, Weights, read_weights, write_weights
from .detector import DETECTOR
from .features import DAY
from .habits import Habits, is_table

if TYPE_CHECKING:
    from .calibration import FittedHabits

LARGEST_MARGIN = 100.0


def pack_habits(senior_id: int, fitted: FittedHabits, trained_from: str, trained_to: str) -> bytes:
    """The artifact of fitted habits. `trained_from` and `trained_to` are RFC 3339 texts."""
    arrays = {name: np.asarray(values, dtype=np.float32) for name, values in fitted.habits._asdict().items()}
    header = Header(
        format=FORMAT,
        senior_id=senior_id,
        detector=DETECTOR,
        features=list(arrays),
        trained_from=trained_from,
        trained_to=trained_to,
        libraries={"python": platform.python_version(), "numpy": np.__version__},
        metrics=fitted.metrics,
        arrays=[Shape(name, list(array.shape)) for name, array in arrays.items()],
    )
    return write_weights(header, arrays)


def unpack_habits(data: bytes, senior_id: int) -> tuple[Weights, Habits]:
    """Raises UnreadableWeights (also for numbers that this detector could not have learned) and ForeignWeights."""
    weights = read_weights(data, senior_id)
    if weights.header.detector != DETECTOR:
        raise UnreadableWeights(f"weights of a detector {weights.header.detector!r} are not known here: train anew")
    if set(weights.arrays) != set(Habits._fields):
        raise UnreadableWeights(f"the arrays {', '.join(Habits._fields)} are needed")
    habits = Habits(**weights.arrays)
    tables = (habits.at_home, habits.anywhere)
    if not all(is_table(table) for table in tables) or habits.rising.shape != (1,) or habits.margin.shape != (1,):
        raise UnreadableWeights("the arrays are not of the shapes that habits have")
    if any(table.min() < 1 or table.max() > 2 * DAY for table in tables):
        raise UnreadableWeights("silences out of bounds")
    if not 0 < habits.rising[0] <= DAY or not 1 / LARGEST_MARGIN <= habits.margin[0] <= LARGEST_MARGIN:
        raise UnreadableWeights("rising or margin out of bounds")
    return weights, habits
