"""A person's habits in and out of an artifact."""

from __future__ import annotations

import math
import platform
from typing import TYPE_CHECKING

import numpy as np

from .artifact import FORMAT, Header, Shape, UnreadableWeights, Weights, read_block, read_weights, write_weights
from .detector import DETECTOR
from .habits import POPULATION, Habits, are_sound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .calibration import FittedHabits

SHAPES = {name: values.shape for name, values in POPULATION._asdict().items()}
ARRAYS = [Shape(name, list(shape)) for name, shape in SHAPES.items()]
NUMBERS = sum(math.prod(shape) for shape in SHAPES.values())
POPULATION_ROW = np.concatenate([values.ravel() for values in POPULATION])


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
    if any(weights.arrays[name].shape != shape for name, shape in SHAPES.items()):
        raise UnreadableWeights("the arrays are not of the shapes that habits have")
    habits = Habits(**weights.arrays)
    if not are_sound(Habits(*(values[None] for values in habits)))[0]:
        raise UnreadableWeights("numbers that cannot have been learned from a life")
    return weights, habits


def read_habit_block(data: bytes, senior_id: int) -> memoryview:
    """The numbers of one person's habits, a row of `view_habits`. Raises UnreadableWeights and ForeignWeights."""
    return read_block(data, senior_id, DETECTOR, ARRAYS)


def view_habits(matrix: NDArray[np.float32]) -> Habits:
    """The habits of n persons in a matrix of shape (n, NUMBERS), as views."""
    views, start = {}, 0
    for name, shape in SHAPES.items():
        end = start + math.prod(shape)
        views[name] = matrix[:, start:end].reshape(len(matrix), *shape)
        start = end
    return Habits(**views)
