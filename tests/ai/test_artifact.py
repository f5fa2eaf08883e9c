from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai.artifact import LARGEST, MAGIC, ForeignWeights, Header, Shape, UnreadableWeights, read_weights, write_weights
from ai.calibration import fit_habits
from ai.habit_weights import pack_habits, unpack_habits
from ai.habits import Habits

from .homes import live_at_home

if TYPE_CHECKING:
    from collections.abc import Callable

SENIOR = 7
NUMBERS = 2 * 96 + 2
FITTED = fit_habits(live_at_home(14))
ARTIFACT = pack_habits(SENIOR, FITTED, "2026-11-01T00:00:00+00:00", "2026-11-15T00:00:00+00:00")


def header_of(data: bytes) -> dict[str, object]:
    length = struct.unpack_from("<I", data, 12)[0]
    header: dict[str, object] = msgspec.json.decode(data[16 : 16 + length])
    return header


def rebuild(change: Callable[[dict[str, object]], object]) -> bytes:
    """The artifact with its header changed and a checksum that fits again: what a liar would send."""
    header = header_of(ARTIFACT)
    change(header)
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 4)
    tail = struct.pack("<I", len(text)) + text + ARTIFACT[-4 * NUMBERS :]
    return MAGIC + struct.pack("<I", zlib.crc32(tail)) + tail


def test_weights_come_back_as_they_were_written() -> None:
    weights, habits = unpack_habits(ARTIFACT, SENIOR)
    assert [values.tobytes() for values in habits] == [values.tobytes() for values in FITTED.habits]
    assert weights.header.metrics == FITTED.metrics
    assert weights.header.trained_to == "2026-11-15T00:00:00+00:00"
    assert len(ARTIFACT) <= LARGEST


def test_the_same_values_give_the_same_bytes() -> None:
    assert pack_habits(SENIOR, FITTED, "a", "b") == pack_habits(SENIOR, FITTED, "a", "b")


def test_parsed_numbers_cannot_be_written_to() -> None:
    _, habits = unpack_habits(ARTIFACT, SENIOR)
    with pytest.raises(ValueError, match="read-only"):
        habits.at_home[0, 0] = 1


def test_another_seniors_weights_are_foreign() -> None:
    with pytest.raises(ForeignWeights, match="of senior 7, not of 8"):
        unpack_habits(ARTIFACT, 8)


def test_every_single_flipped_bit_is_noticed() -> None:
    for position in range(len(ARTIFACT)):
        for bit in range(8):
            broken = bytearray(ARTIFACT)
            broken[position] ^= 1 << bit
            with pytest.raises(UnreadableWeights):
                read_weights(bytes(broken), SENIOR)


def test_every_truncation_is_noticed() -> None:
    for length in range(len(ARTIFACT)):
        with pytest.raises(UnreadableWeights):
            read_weights(ARTIFACT[:length], SENIOR)


def test_what_is_appended_is_noticed() -> None:
    with pytest.raises(UnreadableWeights):
        read_weights(ARTIFACT + b"\0\0\0\0", SENIOR)


def test_a_pickle_is_no_weights() -> None:
    with pytest.raises(UnreadableWeights, match="not weights of this system"):
        read_weights(b"\x80\x04\x95" + bytes(100), SENIOR)


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    with pytest.raises(UnreadableWeights, match=f"at most {LARGEST}"):
        read_weights(MAGIC + bytes(LARGEST), SENIOR)


def test_a_newer_format_says_so() -> None:
    with pytest.raises(UnreadableWeights, match="format 4, this program knows 3: update the program"):
        read_weights(rebuild(lambda header: header.update(format=4, novelty=[1])), SENIOR)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.update(surprise=1),
        lambda header: header.pop("senior_id"),
        lambda header: header.update(senior_id="7"),
        lambda header: header.update(arrays=[]),
        lambda header: header.update(arrays=[{"name": "at_home", "shape": [1024, 1024]}]),
        lambda header: header.update(arrays=[{"name": "at_home", "shape": [-194]}]),
        lambda header: header.update(arrays=[{"name": "at_home", "shape": [97]}] * 2),
        lambda header: header.update(arrays=[{"name": "other", "shape": [194]}]),
        lambda header: header.update(arrays=[{"name": "at_home", "shape": [194]}]),
        lambda header: header.update(detector="something_newer"),
        lambda header: header.update(metrics={"days": "many"}),
    ],
)
def test_a_header_that_lies_is_refused(change: Callable[[dict[str, object]], object]) -> None:
    with pytest.raises(UnreadableWeights):
        unpack_habits(rebuild(change), SENIOR)


def test_a_header_nested_without_end_is_refused() -> None:
    text = b"[" * 3000
    tail = struct.pack("<I", len(text)) + text
    with pytest.raises(UnreadableWeights):
        read_weights(MAGIC + struct.pack("<I", zlib.crc32(tail)) + tail, SENIOR)


# no place, no vital sensor, nothing missed, no day later, nobody up by day
MAY_BE_NOUGHT = {"places", "vital", "patience", "longest", "later", "usual_days"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0, 1e9])
def test_numbers_that_could_not_have_been_learned_are_refused(value: float) -> None:
    header = msgspec.convert(header_of(ARTIFACT), Header)
    for name in Habits._fields:
        if value == 0 and name in MAY_BE_NOUGHT:
            continue
        arrays = {field: np.array(values, np.float32) for field, values in FITTED.habits._asdict().items()}
        arrays[name].flat[0] = value
        data = write_weights(header, arrays)
        with pytest.raises(UnreadableWeights):
            unpack_habits(data, SENIOR)


def test_weights_of_the_former_format_are_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableWeights, match="format 2, this program knows 3: train anew"):
        read_weights(rebuild(lambda header: header.update(format=2)), SENIOR)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
def test_noise_behind_a_right_checksum_is_refused(noise: bytes) -> None:
    with pytest.raises(UnreadableWeights):
        read_weights(MAGIC + struct.pack("<I", zlib.crc32(noise)) + noise, SENIOR)


def test_a_header_that_names_other_arrays_is_not_written() -> None:
    header = msgspec.structs.replace(msgspec.convert(header_of(ARTIFACT), Header), arrays=[Shape("allowed", [23])])
    with pytest.raises(ValueError, match="declares other arrays"):
        write_weights(header, {"allowed": np.zeros(24, dtype=np.float32)})


def test_more_than_the_cap_is_not_written() -> None:
    big = np.zeros(1024, dtype=np.float32)
    header = msgspec.structs.replace(msgspec.convert(header_of(ARTIFACT), Header), arrays=[Shape("allowed", [1024])])
    with pytest.raises(ValueError, match="at most 4096"):
        write_weights(header, {"allowed": big})
