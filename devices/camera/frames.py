"""RTP packets into whole encoded frames, nothing decoded. Pure: times come from the caller, in seconds of any clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 0.25
ASK_AGAIN_S = 0.5
MAX_HELD = 1024
LATE_OR_RESTARTED = 3000  # packets behind the expected one: beyond this a sender began anew under the same SSRC
MAX_FRAME_BYTES = 4_000_000
START_CODE = b"\x00\x00\x01"
SLICE, KEY_SLICE = 1, 5


class Codec(NamedTuple):
    """As SDP names it: `video/H264` at 90000, `audio/opus` at 48000."""

    mime_type: str
    clock_rate: int

    @property
    def kind(self) -> Literal["video", "audio"]:
        return "video" if self.mime_type.lower().startswith("video/") else "audio"


class Packet(Protocol):
    """What is read of an RTP packet whose payload header was taken off (`_data`)."""

    _data: bytes
    payload: bytes
    ssrc: int
    sequence_number: int
    timestamp: int
    marker: int


@dataclass(slots=True)
class EncodedFrame:
    """One frame as the camera encoded it: H.264 in Annex B form, a VP8 frame, or one packet of sound.

    `timestamp` runs on past 32 bits, in ticks of the codec's clock. `packed` is room for who
    sends it to several viewers and prepares it once.
    """

    data: bytes
    timestamp: int
    is_key: bool
    packed: Any = field(default=None, compare=False, repr=False)


def is_key_frame(mime_type: str, data: bytes) -> bool:
    """Whether a decoder may begin with this frame. Sound can begin anywhere."""
    name = mime_type.lower()
    if name == "video/vp8":
        return bool(data) and not data[0] & 1
    if name == "video/h264":
        return _begins_with_key_slice(data)
    return True


def _begins_with_key_slice(data: bytes) -> bool:
    """H.264: the first slice decides; parameter sets and the like may stand before it."""
    place = data.find(START_CODE)
    while 0 <= place < len(data) - 3:
        kind = data[place + 3] & 0x1F
        if kind in (SLICE, KEY_SLICE):
            return kind == KEY_SLICE
        place = data.find(START_CODE, place + 3)
    return False


def starts_frame(mime_type: str, packet: Packet) -> bool:
    """Whether this packet is the first of its frame, as far as it can be told."""
    if mime_type.lower() == "video/vp8":
        return bool(packet.payload) and packet.payload[0] & 0x17 == 0x10  # S bit, first partition
    head = packet._data[:6]
    if len(head) < 6 or not head.startswith(b"\x00" + START_CODE):
        return False  # the middle of a fragmented NAL unit
    # a slice begins a picture when its first macroblock is number 0, which is the single bit 1
    return head[4] & 0x1F not in (SLICE, KEY_SLICE) or head[5] & 0x80 != 0


class Unwrapper:
    """Follows a counter of `bits` bits past its wraps, also backwards."""

    def __init__(self, bits: int) -> None:
        self._size = 1 << bits
        self._last: int | None = None

    def __call__(self, value: int) -> int:
        if self._last is None:
            self._last = value
            return value
        step = (value - self._last) % self._size
        if step >= self._size // 2:
            step -= self._size
        whole = self._last + step
        self._last = max(self._last, whole)
        return whole


class FrameAssembler:
    """Packets of one video sender, in any order and with gaps, into frames that are whole and in order.

    A frame goes to `on_frame` when its last packet is there, not when the next frame begins. A gap is waited for while
    the receiver asks for it again; after that the damaged frame and all that build on it are dropped until a key frame.
    """

    def __init__(self, codec: Codec, on_frame: Callable[[EncodedFrame], None], now: Callable[[], float]) -> None:
        self._codec = codec
        self._on_frame = on_frame
        self._now = now
        self.ssrc: int | None = None
        self.heard_at = now()
        self._begin(None)

    def _begin(self, ssrc: int | None) -> None:
        """A sender that nothing is known of."""
        self.ssrc = ssrc
        self.needs_key = True
        self._asked_at = self._now()
        self._unwrap_sequence = Unwrapper(16)
        self._unwrap_time = Unwrapper(32)
        self._held: dict[int, Packet] = {}
        self._next: int | None = None
        self._gap_since: float | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._part_time: int | None = None
        self._follows_gap = True
        self._is_damaged = False

    def add(self, packet: Packet) -> tuple[bool, None]:
        """Takes one packet; True when a key frame must be asked for. (The shape that the receiver expects.)"""
        now = self.heard_at = self._now()
        if packet.ssrc != self.ssrc:
            self._begin(packet.ssrc)
        sequence = self._unwrap_sequence(packet.sequence_number)
        if self._next is None:
            self._next = sequence
        if sequence < self._next - LATE_OR_RESTARTED:
            self._begin(packet.ssrc)
            sequence = self._next = self._unwrap_sequence(packet.sequence_number)
        elif sequence < self._next or sequence in self._held:
            return False, None
        self._held[sequence] = packet
        self._drain()
        if self._held and self._is_gap_over(now):
            self._skip_gap()
            self._asked_at = now
            return True, None
        if self.needs_key and now - self._asked_at > ASK_AGAIN_S:
            self._asked_at = now
            return True, None
        return False, None

    def _drain(self) -> None:
        while self._next is not None and (packet := self._held.pop(self._next, None)) is not None:
            self._next += 1
            self._gap_since = None
            self._take(packet)

    def _is_gap_over(self, now: float) -> bool:
        if self._gap_since is None:
            self._gap_since = now
        return now - self._gap_since >= PATIENCE_S or len(self._held) > MAX_HELD

    def _skip_gap(self) -> None:
        self._next = min(self._held)
        self._gap_since = None
        self._drop_parts()
        self.needs_key = self._follows_gap = True
        self._drain()

    def _take(self, packet: Packet) -> None:
        """The next packet in order."""
        if self._follows_gap:
            self._follows_gap = False
            self._is_damaged = not starts_frame(self._codec.mime_type, packet)
        timestamp = self._unwrap_time(packet.timestamp)
        if self._part_time is not None and timestamp != self._part_time:
            self._finish()  # its last packet carried no marker
        self._part_time = timestamp
        self._parts.append(packet._data)
        self._size += len(packet._data)
        if self._size > MAX_FRAME_BYTES:
            self._drop_parts()
            self._is_damaged = self.needs_key = True
        elif packet.marker:
            self._finish()

    def _drop_parts(self) -> None:
        self._parts, self._size, self._part_time = [], 0, None

    def _finish(self) -> None:
        data, timestamp = b"".join(self._parts), self._part_time or 0
        was_damaged, self._is_damaged = self._is_damaged, False
        self._drop_parts()
        if not data or was_damaged:
            return
        is_key = is_key_frame(self._codec.mime_type, data)
        if self.needs_key and not is_key:
            return
        self.needs_key = False
        self._on_frame(EncodedFrame(data, timestamp, is_key))


class SoundAssembler:
    """Packets of one sound sender: each is a frame, late ones are dropped, none is waited for."""

    def __init__(self, codec: Codec, on_frame: Callable[[EncodedFrame], None], now: Callable[[], float]) -> None:
        self._on_frame = on_frame
        self._now = now
        self.ssrc: int | None = None
        self.heard_at = now()
        self._newest = -1
        self._unwrap_sequence = Unwrapper(16)
        self._unwrap_time = Unwrapper(32)

    def add(self, packet: Packet) -> tuple[bool, None]:
        self.heard_at = self._now()
        if packet.ssrc != self.ssrc:
            self.ssrc, self._newest = packet.ssrc, -1
            self._unwrap_sequence, self._unwrap_time = Unwrapper(16), Unwrapper(32)
        sequence = self._unwrap_sequence(packet.sequence_number)
        timestamp = self._unwrap_time(packet.timestamp)
        if sequence > self._newest and packet._data:
            self._newest = sequence
            self._on_frame(EncodedFrame(packet._data, timestamp, True))
        return False, None


def make_assembler(
    codec: Codec, on_frame: Callable[[EncodedFrame], None], now: Callable[[], float]
) -> FrameAssembler | SoundAssembler:
    return (FrameAssembler if codec.kind == "video" else SoundAssembler)(codec, on_frame, now)
