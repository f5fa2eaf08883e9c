"""The only place that touches aiortc's and aioice's private names.

aiortc has no way to take encoded frames from a receiver, nor to hear of a viewer's wish for a key frame. `check_seam`
says at the start of every relay, and in the tests, whether the names still mean what they meant.
"""

from __future__ import annotations

import inspect
import struct
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from aioice import ice
from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import get_encoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from av import Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .frames import Codec, EncodedFrame, FrameAssembler, SoundAssembler

BUFFER = "_RTCRtpReceiver__jitter_buffer"
ENCODER = "_RTCRtpSender__encoder"
SHORTEST = 12
"""An RTP header; all else that is sent to a connection is longer."""


class SeamBroken(Exception):
    """This version of aiortc works otherwise inside: the relay must not run with it."""


def check_seam() -> None:
    """Raises SeamBroken with what has changed."""
    receives = inspect.getsource(RTCRtpReceiver._handle_rtp_packet)
    hears = inspect.getsource(RTCRtpSender._handle_rtcp_packet)
    sends = inspect.getsource(RTCRtpSender._next_encoded_frame)
    gathers = inspect.getsource(ice.Connection.gather_candidates)
    broken = [
        name
        for name, holds in {
            "RTCRtpReceiver hands packets to its buffer": "self.__jitter_buffer.add(packet)" in receives,
            "RTCRtpReceiver takes payload headers off": "packet._data = " in receives,
            "RTCRtpReceiver's buffer is made with it": "__jitter_buffer = " in inspect.getsource(RTCRtpReceiver),
            "RTCRtpReceiver asks for key frames": inspect.iscoroutinefunction(RTCRtpReceiver._send_rtcp_pli),
            "RTCRtpSender hears of lost pictures": "self._send_keyframe()" in hears,
            "RTCRtpSender packs what is no raw frame": "self.__encoder.pack(data)" in sends,
            "RTCRtpSender keeps the encoder that it has": "if self.__encoder is None:" in sends,
            "JitterBuffer.add takes a packet": list(inspect.signature(JitterBuffer.add).parameters)
            == ["self", "packet"],
            "aioice looks for its addresses": "get_host_addresses(" in gathers,
        }.items()
        if not holds
    ]
    if broken:
        raise SeamBroken(f"not so any more in aiortc: {'; '.join(broken)}. Install the version in requirements.txt")


def take_packets(receiver: RTCRtpReceiver, assembler: FrameAssembler | SoundAssembler) -> None:
    """From now on the receiver's packets go to `assembler` and to no decoder. Call it before media flows."""
    if not hasattr(receiver, BUFFER):
        raise SeamBroken(f"RTCRtpReceiver has no {BUFFER}")
    setattr(receiver, BUFFER, assembler)


async def ask_for_key_frame(receiver: RTCRtpReceiver, ssrc: int) -> None:
    await receiver._send_rtcp_pli(ssrc)


def shield_from_noise() -> None:
    """Drops datagrams too short to be anything: aiortc ends a whole connection at an empty one, whoever sent it.

    Once in a process; again is harmless.
    """
    received = ice.StunProtocol.datagram_received
    if received.__module__ == __name__:
        return

    def datagram_received(self: ice.StunProtocol, data: bytes | str, addr: tuple[Any, ...]) -> None:
        if len(data) < SHORTEST:
            return
        # what looks like STUN and is not
        with suppress(struct.error, IndexError, KeyError, UnicodeDecodeError):
            received(self, data, addr)

    ice.StunProtocol.datagram_received = datagram_received  # type: ignore[method-assign]


class SharedPacker:
    """Cuts a frame into RTP payloads once for all viewers of its source."""

    def __init__(self, codec: Codec) -> None:
        parameters = RTCRtpCodecParameters(mimeType=codec.mime_type, clockRate=codec.clock_rate, payloadType=0)
        self._encoder = get_encoder(parameters)
        self._time_base = Fraction(1, codec.clock_rate)

    def pack(self, frame: EncodedFrame) -> tuple[list[bytes], int]:
        if frame.packed is None:
            packet = Packet(frame.data)
            packet.pts, packet.time_base = frame.timestamp, self._time_base
            frame.packed = self._encoder.pack(packet)
        packed: tuple[list[bytes], int] = frame.packed
        return packed


def share_packing(sender: RTCRtpSender, packer: SharedPacker) -> None:
    """The sender's track may then give EncodedFrame. Call it before the sender starts."""
    if not hasattr(sender, ENCODER):
        raise SeamBroken(f"RTCRtpSender has no {ENCODER}")
    setattr(sender, ENCODER, packer)


def hear_lost_pictures(sender: RTCRtpSender, request_key_frame: Callable[[], None]) -> None:
    """The viewer's PLI and FIR call `request_key_frame`; nothing here could make a key frame."""
    shadow: Any = sender
    shadow._send_keyframe = request_key_frame


def limit_addresses(addresses: Sequence[str]) -> None:
    """Connections of this process are offered on `addresses` alone. Empty: on every address but loopback's."""
    if not addresses:
        return

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [address for address in addresses if (use_ipv6 if ":" in address else use_ipv4)]

    ice.get_host_addresses = chosen
