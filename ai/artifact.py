"""Weights as bytes: data, never code.

    8 bytes   magic
    4 bytes   CRC-32 of everything after these four, little-endian
    4 bytes   length of the header
    n bytes   header: JSON in UTF-8, padded with spaces to a multiple of four
    m bytes   the arrays of the header's `arrays`, one after the other, little-endian float32

Nothing in it can name a class, a file or a function. The digest in the database says whether these are the registered
bytes; the checks here say whether they make sense at all.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"ANBU\x89W\r\n"
FORMAT = 3
LARGEST = 4096
_PREFIX = struct.Struct("<8sII")


class UnreadableWeights(ValueError):
    """These bytes are no weights that this program knows. Reading them again will not help."""


class ForeignWeights(ValueError):
    """These are somebody else's weights."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    shape: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=1024)]], msgspec.Meta(min_length=1, max_length=4)]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the numbers are. Times are RFC 3339 texts, `libraries` the versions that fitted."""

    format: int
    senior_id: int
    detector: str
    features: list[str]
    trained_from: str
    trained_to: str
    libraries: dict[str, str]
    metrics: dict[str, float | int]
    arrays: list[Shape]


class _Version(msgspec.Struct):
    format: int


class _Claim(msgspec.Struct):
    """Of a header, what has to be looked at each time that the numbers are taken."""

    format: int
    senior_id: int
    detector: str
    arrays: list[Shape]


_decode_claim = msgspec.json.Decoder(_Claim).decode


class Weights(msgspec.Struct, frozen=True):
    """Parsed weights. `arrays` are float32 views into the bytes, not writable."""

    header: Header
    arrays: dict[str, NDArray[np.float32]]


def write_weights(header: Header, arrays: dict[str, NDArray[np.float32]]) -> bytes:
    """The artifact's bytes, the same for the same values. The header's `arrays` must name these in this order."""
    declared = [(shape.name, tuple(shape.shape)) for shape in header.arrays]
    if declared != [(name, array.shape) for name, array in arrays.items()]:
        raise ValueError("the header declares other arrays than are given")
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 4)
    block = b"".join(np.ascontiguousarray(array, dtype="<f4").tobytes() for array in arrays.values())
    tail = struct.pack("<I", len(text)) + text + block
    data = MAGIC + struct.pack("<I", zlib.crc32(tail)) + tail
    if len(data) > LARGEST:
        raise ValueError(f"{len(data)} bytes, at most {LARGEST} are allowed")
    return data


def read_weights(data: bytes, senior_id: int) -> Weights:
    """Parses weights of this senior. Raises UnreadableWeights or ForeignWeights, and nothing else."""
    if len(data) > LARGEST:
        raise UnreadableWeights(f"{len(data)} bytes, at most {LARGEST} are allowed")
    if len(data) < _PREFIX.size or not data.startswith(MAGIC):
        raise UnreadableWeights("not weights of this system")
    _, checksum, header_length = _PREFIX.unpack_from(data)
    if zlib.crc32(data[len(MAGIC) + 4 :]) != checksum:
        raise UnreadableWeights("the checksum does not fit")
    end = _PREFIX.size + header_length
    if header_length % 4 or end > len(data):
        raise UnreadableWeights("the header does not end where it says")
    header = _read_header(data[_PREFIX.size : end])
    if header.senior_id != senior_id:
        raise ForeignWeights(f"weights of senior {header.senior_id}, not of {senior_id}")
    return Weights(header, _read_arrays(data, end, header.arrays))


def read_block(data: bytes, senior_id: int, detector: str, arrays: list[Shape]) -> memoryview:
    """The numbers of weights whose digest is that of registered ones, in 4 us instead of the 60 of `read_weights`.

    They are this senior's, of this detector, and in these arrays; what the numbers are is not looked at. Raises
    UnreadableWeights and ForeignWeights.
    """
    if len(data) < _PREFIX.size or not data.startswith(MAGIC):
        raise UnreadableWeights("not weights of this system")
    end = _PREFIX.size + _PREFIX.unpack_from(data)[2]
    try:
        claim = _decode_claim(memoryview(data)[_PREFIX.size : end])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableWeights(f"the header is not as it should be: {error}") from error
    if claim.format != FORMAT or claim.detector != detector or claim.arrays != arrays:
        read_weights(data, senior_id)
        raise UnreadableWeights(f"weights of a detector {claim.detector!r} with other arrays are not known: train anew")
    if claim.senior_id != senior_id:
        raise ForeignWeights(f"weights of senior {claim.senior_id}, not of {senior_id}")
    if len(data) - end != 4 * sum(math.prod(shape.shape) for shape in arrays):
        raise UnreadableWeights("the arrays do not fill the rest")
    return memoryview(data)[end:]


def _read_header(text: bytes) -> Header:
    try:
        version = msgspec.json.decode(text, type=_Version).format
        if version != FORMAT:
            advice = "train anew" if version < FORMAT else "update the program"
            raise UnreadableWeights(f"format {version}, this program knows {FORMAT}: {advice}")
        return msgspec.json.decode(text, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableWeights(f"the header is not as it should be: {error}") from error


def _read_arrays(data: bytes, offset: int, shapes: list[Shape]) -> dict[str, NDArray[np.float32]]:
    sizes = [math.prod(shape.shape) for shape in shapes]
    if len({shape.name for shape in shapes}) != len(shapes):
        raise UnreadableWeights("two arrays of one name")
    if offset + 4 * sum(sizes) != len(data):
        raise UnreadableWeights("the arrays do not fill the rest")
    arrays: dict[str, NDArray[np.float32]] = {}
    for shape, size in zip(shapes, sizes, strict=True):
        array = np.frombuffer(data, dtype="<f4", count=size, offset=offset).reshape(shape.shape)
        if not np.isfinite(array).all():
            raise UnreadableWeights(f"{shape.name} holds what is no number")
        arrays[shape.name] = array
        offset += 4 * size
    return arrays
