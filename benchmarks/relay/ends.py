"""The ends of a bench run: a hub that plays a clip, and viewers that note when each frame came.

    python -m benchmarks.relay.ends hub PORT CLIP HOMES
    python -m benchmarks.relay.ends viewers PORT HOMES VIEWERS_A_HOME WARM_UP_S WINDOW_S

Each frame carries the moment at which the hub gave it away, as digits in an SEI message, which a relay that passes
frames through leaves alone. All processes share the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from benchmarks.relay import lines
from devices.camera import aiortc_seam
from devices.camera.frames import Codec, EncodedFrame, FrameAssembler

FPS = 25
WHOLE = 2  # viewers that take frames as a browser does; the others only count them
MARK = b"anbu-bench-clock"
CODEC = Codec("video/H264", 90_000)


def read_clip(path: str) -> list[bytes]:
    """The frames of an H.264 file, in Annex B form."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        filters = [av.BitStreamFilterContext(name, stream) for name in ("h264_mp4toannexb", "dump_extra")]
        frames = []
        for packet in container.demux(stream):
            packets = [packet] if packet.size else []
            for one in filters:
                packets = [made for taken in packets for made in one.filter(taken)]
            frames += [bytes(made) for made in packets]
    return frames


def stamped(frame: bytes) -> bytes:
    text = MARK + b"%020d" % time.monotonic_ns()
    return b"\0\0\0\1\x06\x05" + bytes([len(text)]) + text + b"\x80" + frame


def stamp_of(data: bytes) -> int | None:
    place = data.find(MARK, 0, 64)
    return None if place < 0 else int(data[place + len(MARK) : place + len(MARK) + 20])


class Clip(MediaStreamTrack):
    kind = "video"

    def __init__(self, frames: list[bytes]) -> None:
        super().__init__()
        self._frames, self._number, self._began = frames, 0, time.monotonic()

    async def recv(self) -> av.Packet[Any]:
        await asyncio.sleep(max(0.0, self._began + self._number / FPS - time.monotonic()))
        packet = av.Packet(stamped(self._frames[self._number % len(self._frames)]))
        packet.pts, packet.time_base = self._number * 3600, Fraction(1, 90_000)
        self._number += 1
        return packet


def connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


def plain(sdp: str) -> str:
    """Without the fingerprints that Janus 1.1 takes for its own kind of hash."""
    return "".join(
        line for line in sdp.splitlines(True) if not line.startswith(("a=fingerprint:sha-3", "a=fingerprint:sha-5"))
    )


async def play(port: int, clip: str, homes: int) -> None:
    frames = read_clip(clip)
    peers = []
    for home in range(homes):
        peer = connection()
        transceiver = peer.addTransceiver(Clip(frames), "sendonly")
        wanted = [
            one for one in RTCRtpSender.getCapabilities("video").codecs if one.mimeType in ("video/H264", "video/rtx")
        ]
        transceiver.setCodecPreferences(wanted)
        await peer.setLocalDescription(await peer.createOffer())
        answer = await lines.ask(port, do="publish", home=str(home), sdp=plain(peer.localDescription.sdp))
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        peers.append(peer)
    print("publishing", flush=True)
    await asyncio.Event().wait()


class Viewer:
    def __init__(self, port: int, home: str) -> None:
        self.port, self.home = port, home
        self.peer = connection()
        self.arrivals: list[tuple[int, int | None]] = []
        self.asked_ns = 0
        self.name = ""
        self.has_frame = asyncio.Event()

    async def join(self) -> None:
        self.asked_ns = time.monotonic_ns()
        offer = await lines.ask(self.port, do="view", home=self.home)
        self.name = offer["name"]
        await self.peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], "offer"))
        for transceiver in self.peer.getTransceivers():
            aiortc_seam.take_packets(transceiver.receiver, FrameAssembler(CODEC, self._note, time.monotonic))
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        answer = plain(self.peer.localDescription.sdp)
        await lines.ask(self.port, do="answer", home=self.home, name=self.name, sdp=answer)

    def take_lightly(self) -> None:
        """From now on frames are counted by the marker in the packets' open header and nothing is decrypted: one
        processor has to be many viewers, and one that cannot keep up would ask for everything twice."""
        transport: Any = self.peer.getTransceivers()[0].receiver.transport

        async def count(data: bytes, arrival_time_ms: int) -> None:
            if data[1] & 0x80:
                self.arrivals.append((time.monotonic_ns(), None))

        transport._handle_rtp_data = count

    def _note(self, frame: EncodedFrame) -> None:
        self.arrivals.append((time.monotonic_ns(), stamp_of(frame.data)))
        self.has_frame.set()

    async def leave(self) -> None:
        await lines.ask(self.port, do="leave", home=self.home, name=self.name)
        await self.peer.close()


async def watch(port: int, homes: int, each: int, warm_up_s: float, window_s: float) -> dict[str, Any]:
    viewers = [Viewer(port, str(home)) for home in range(homes) for _ in range(each)]
    for viewer in viewers:
        await viewer.join()
    for number, viewer in enumerate(viewers):
        await asyncio.wait_for(viewer.has_frame.wait(), 15)
        if number >= WHOLE:
            viewer.take_lightly()
    await asyncio.sleep(warm_up_s)
    print("window", flush=True)
    begin = time.monotonic_ns()
    await asyncio.sleep(window_s)
    end = time.monotonic_ns()
    print("end", flush=True)
    delays, counts = [], []
    for viewer in viewers:
        inside = [(at, stamp) for at, stamp in viewer.arrivals if begin <= at < end]
        counts.append(len(inside))
        delays += [(at - stamp) / 1e6 for at, stamp in inside if stamp is not None]
    delays.sort()
    first = [(viewer.arrivals[0][0] - viewer.asked_ns) / 1e9 for viewer in viewers]
    return {
        "fps": round(statistics.mean(counts) / window_s, 2),
        "least_fps": round(min(counts) / window_s, 2),
        "delay_p50_ms": round(delays[len(delays) // 2], 1) if delays else None,
        "delay_p95_ms": round(delays[int(len(delays) * 0.95)], 1) if delays else None,
        "first_frame_s": round(statistics.median(first), 3),
    }


if __name__ == "__main__":
    part, *given = sys.argv[1:]
    if part == "hub":
        asyncio.run(play(int(given[0]), given[1], int(given[2])))
    else:
        port, homes, each, warm_up, window = given
        print(
            json.dumps(asyncio.run(watch(int(port), int(homes), int(each), float(warm_up), float(window)))), flush=True
        )
