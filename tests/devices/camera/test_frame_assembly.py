"""Packets into frames: order, gaps, restarts and hostile senders, without a network."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.camera import frames
from devices.camera.frames import Codec, EncodedFrame, FrameAssembler, SoundAssembler, Unwrapper, is_key_frame

H264 = Codec("video/H264", 90_000)
SPS, KEY, DELTA = b"\0\0\0\1\x67\x42", b"\0\0\0\1\x65\x88", b"\0\0\0\1\x41\x9a"


@dataclass
class Packet:
    sequence_number: int
    timestamp: int
    _data: bytes
    marker: int = 0
    ssrc: int = 7
    payload: bytes = b"\x10"


@dataclass
class Bench:
    """An assembler, its clock, and what came out of it."""

    codec: Codec = H264
    now: float = 0.0
    out: list[EncodedFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.assembler = FrameAssembler(self.codec, self.out.append, lambda: self.now)

    def add(self, *packets: Packet) -> list[bool]:
        return [self.assembler.add(packet)[0] for packet in packets]

    @property
    def data(self) -> list[bytes]:
        return [frame.data for frame in self.out]


def frame(first: int, number: int, parts: list[bytes], ssrc: int = 7) -> list[Packet]:
    """The packets of one frame; sequence numbers begin with `first`."""
    last = len(parts) - 1
    return [
        Packet((first + place) % 65536, number * 3600 % 2**32, part, int(place == last), ssrc)
        for place, part in enumerate(parts)
    ]


def test_a_frame_is_handed_on_with_its_last_packet() -> None:
    bench = Bench()
    first, second = frame(10, 1, [SPS + KEY, b"rest"])
    bench.add(first)
    assert bench.out == []
    bench.add(second)
    assert bench.data == [SPS + KEY + b"rest"]
    assert bench.out[0].is_key


def test_packets_out_of_order_are_put_in_order_and_twice_is_once() -> None:
    bench = Bench()
    packets = frame(65534, 1, [SPS + KEY, b"a", b"b", b"c"]) + frame(2, 2, [DELTA, b"d"])
    bench.add(packets[0], packets[2], packets[1], packets[1], packets[3], packets[5], packets[4])
    assert bench.data == [SPS + KEY + b"abc", DELTA + b"d"]


def test_nothing_is_handed_on_before_a_key_frame() -> None:
    bench = Bench()
    bench.add(*frame(1, 1, [DELTA]), *frame(2, 2, [SPS + KEY]), *frame(3, 3, [DELTA]))
    assert bench.data == [SPS + KEY, DELTA]


def test_a_gap_is_waited_for_and_then_costs_the_frames_up_to_a_key_frame() -> None:
    bench = Bench()
    bench.add(*frame(1, 1, [SPS + KEY]))
    _lost, kept = frame(2, 2, [DELTA, b"x"])
    assert bench.add(kept) == [False]
    bench.now = 0.1
    assert bench.add(*frame(4, 3, [DELTA])) == [False]
    bench.now = 0.3
    assert bench.add(*frame(5, 4, [DELTA])) == [True], "a key frame is asked for"
    bench.add(*frame(6, 5, [SPS + KEY]), *frame(7, 6, [DELTA]))
    assert bench.data == [SPS + KEY, SPS + KEY, DELTA]


def test_a_packet_that_was_sent_again_in_time_costs_nothing() -> None:
    bench = Bench()
    bench.add(*frame(1, 1, [SPS + KEY]))
    lost, kept = frame(2, 2, [DELTA, b"x"])
    bench.add(kept, *frame(4, 3, [DELTA]))
    bench.now = 0.2
    bench.add(lost)
    assert bench.data == [SPS + KEY, DELTA + b"x", DELTA]


def test_half_a_key_frame_is_none() -> None:
    """Who joins in the middle of a key frame must not take its second half for one."""
    bench = Bench(Codec("video/VP8", 90_000))
    middle = Packet(5, 3600, b"\x00half", 1, payload=b"\x00")
    whole = Packet(6, 7200, b"\x00whole", 1, payload=b"\x10")
    bench.add(middle, whole)
    assert bench.data == [b"\x00whole"]


def test_a_key_frame_is_asked_for_again_until_one_comes() -> None:
    bench = Bench()
    asked = []
    for number in range(30):
        bench.now = number / 25
        asked += bench.add(*frame(number, number, [DELTA]))
    assert asked.count(True) == 2


@pytest.mark.parametrize("jump", [30_000, -10_000])
def test_a_sender_that_begins_anew_is_followed(jump: int) -> None:
    bench = Bench()
    bench.add(*frame(20_000, 1, [SPS + KEY]))
    bench.now = 5.0
    start = 20_000 + jump
    for number in range(20):
        bench.now += 0.04
        bench.add(*frame(start + number, number, [SPS + KEY if number % 5 == 0 else DELTA]))
    assert len(bench.out) > 10


def test_a_restarted_hub_has_another_source_and_needs_a_key_frame() -> None:
    bench = Bench()
    bench.add(*frame(1, 1, [SPS + KEY]), *frame(900, 1, [DELTA], ssrc=8), *frame(901, 2, [SPS + KEY], ssrc=8))
    assert bench.data == [SPS + KEY, SPS + KEY]


def test_a_frame_without_end_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME_BYTES", 100)
    bench = Bench()
    bench.add(*frame(1, 1, [SPS + KEY, b"x" * 60, b"y" * 60, b"z"]), *frame(5, 2, [SPS + KEY]))
    assert bench.data == [SPS + KEY]


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.binary(max_size=20), st.booleans())))
def test_no_sequence_of_packets_breaks_it(given_packets: list[tuple[int, int, bytes, bool]]) -> None:
    bench = Bench()
    for place, (sequence, timestamp, data, marker) in enumerate(given_packets):
        bench.now = place / 10
        bench.add(Packet(sequence, timestamp, data, int(marker)))
    assert len(bench.assembler._held) <= frames.MAX_HELD + 1


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16))
def test_what_is_lost_and_mixed_up_never_yields_a_wrong_frame(start: int, seed: int) -> None:
    chance = random.Random(seed)
    bench = Bench()
    whole, packets = set(), []
    for number in range(40):
        parts = [SPS + KEY if number % 10 == 0 else DELTA, bytes([number]), b"end"]
        whole.add(b"".join(parts))
        packets += frame(start + 3 * number, start + number, parts)
    sent = [packet for packet in packets if chance.random() > 0.1]
    sent.sort(key=lambda packet: packets.index(packet) + chance.uniform(0, 6))
    for place, packet in enumerate(sent):
        bench.now = place / 60
        bench.add(packet)
    assert {one.data for one in bench.out} <= whole
    assert [one.timestamp for one in bench.out] == sorted(one.timestamp for one in bench.out)


@given(st.integers(0, 65535), st.lists(st.integers(-3000, 3000), max_size=50))
def test_a_counter_is_followed_past_its_wraps(start: int, steps: list[int]) -> None:
    unwrap, true = Unwrapper(16), start
    highest = unwrap(start)
    for step in steps:
        true = highest + step
        assert unwrap(true % 65536) == true
        highest = max(highest, true)


def test_key_frames_are_told_from_others() -> None:
    assert is_key_frame("video/H264", b"\0\0\0\1\x09\xf0" + SPS + b"\0\0\1\x68\xce" + KEY)
    assert not is_key_frame("video/H264", SPS + DELTA)
    assert not is_key_frame("video/H264", b"")
    assert is_key_frame("video/VP8", b"\x10")
    assert not is_key_frame("video/VP8", b"\x11")
    assert not is_key_frame("video/VP8", b"")


def test_sound_is_never_waited_for() -> None:
    out: list[EncodedFrame] = []
    assembler = SoundAssembler(Codec("audio/opus", 48_000), out.append, lambda: 0.0)
    for sequence in (1, 2, 4, 3, 5):
        assembler.add(Packet(sequence, sequence * 960, b"%d" % sequence))
    assert [one.data for one in out] == [b"1", b"2", b"4", b"5"]
