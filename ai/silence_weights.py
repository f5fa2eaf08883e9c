"""The detector's numbers in and out of an artifact."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .artifact import FORMAT, Header, Shape, UnreadableWeights, Weights, read_weights, write_weights
from .detector import DETECTOR, FEATURES, LEAST_ALLOWED, MOST_ALLOWED, FittedSilences

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Silences(NamedTuple):
    """Per hour of the day, in float32 seconds, shape (24,): what is allowed, and the longest that was ever seen."""

    allowed: NDArray[np.float32]
    longest: NDArray[np.float32]


def pack_silences(senior_id: int, fitted: FittedSilences, trained_from: str, trained_to: str) -> bytes:
    """The artifact of fitted silences. `trained_from` and `trained_to` are RFC 3339 texts."""
    header = Header(
        format=FORMAT,
        senior_id=senior_id,
        detector=DETECTOR,
        features=FEATURES,
        trained_from=trained_from,
        trained_to=trained_to,
        libraries={"python": platform.python_version(), "numpy": np.__version__},
        metrics=fitted.metrics,
        arrays=[Shape("allowed", [24]), Shape("longest", [24])],
    )
    return write_weights(header, {"allowed": fitted.allowed, "longest": fitted.longest})


def unpack_silences(data: bytes, senior_id: int) -> tuple[Weights, Silences]:
    """Raises UnreadableWeights (also for numbers that this detector could not have learned) and ForeignWeights."""
    weights = read_weights(data, senior_id)
    if weights.header.detector != DETECTOR:
        raise UnreadableWeights(f"weights of a detector {weights.header.detector!r}, which is not known here")
    allowed, longest = weights.arrays.get("allowed"), weights.arrays.get("longest")
    if allowed is None or longest is None or allowed.shape != (24,) or longest.shape != (24,):
        raise UnreadableWeights("24 allowed and 24 longest silences are needed")
    if allowed.min() < LEAST_ALLOWED or allowed.max() > MOST_ALLOWED or longest.min() < 0:
        raise UnreadableWeights("silences out of bounds")
    return weights, Silences(allowed, longest)
