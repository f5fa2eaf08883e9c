"""Loss, restarts, late joins and floods: the picture goes on. Real connections on loopback."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devices.camera.peers import InboundPeer, OutboundPeer
from devices.camera.source import RelaySource
from tests.devices.camera.clips import FPS, ClipTrack, make_clip
from tests.devices.camera.ends import CameraEnd, ViewerEnd
from tests.devices.camera.test_frames_pass_unchanged import nothing, relayed

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

MIME = "video/H264"
FUZZ_S = float(os.environ.get("ANBU_FUZZ_S", "20"))
IDLE_S = float(os.environ.get("ANBU_IDLE_S", "20"))
JOINS = int(os.environ.get("ANBU_JOINS", "400"))


def drop(connection: RTCPeerConnection, share: float) -> None:
    """Loses that share of the media packets that come to this connection, those sent again too."""
    chance = random.Random(5)
    transport: Any = connection.getTransceivers()[0].receiver.transport
    take = transport._handle_rtp_data

    async def take_most(data: bytes, arrival_time_ms: int) -> None:
        if chance.random() >= share:
            await take(data, arrival_time_ms)

    transport._handle_rtp_data = take_most


async def is_up(connection: RTCPeerConnection) -> None:
    async with asyncio.timeout(10):
        while connection.connectionState != "connected":
            await asyncio.sleep(0.02)


def spread(viewer: ViewerEnd, since: float) -> tuple[float, int]:
    """Frames a second since then, and how many are missing between the first and the last, by their times."""
    seen = [(at, frame) for at, frame in viewer.frames["video"] if at >= since]
    stretch = (seen[-1][1].timestamp - seen[0][1].timestamp) // 3600
    return (len(seen) - 1) / (seen[-1][0] - seen[0][0]), stretch + 1 - len(seen)


@pytest.mark.parametrize("leg", ["hub", "viewer"])
async def test_five_percent_loss_on_either_leg_keeps_24_frames_a_second(leg: str) -> None:
    inbound = InboundPeer(nothing, nothing)
    camera = CameraEnd((ClipTrack(make_clip(MIME)), MIME))
    codecs = await inbound.take_offer(await camera.offer())
    source = RelaySource(codecs["video"])
    await camera.take_answer(await inbound.answer([source]))
    outbound, viewer = OutboundPeer([source], nothing, nothing), ViewerEnd()
    await outbound.take_answer(await viewer.answer(await outbound.offer()))
    await is_up(viewer.peer)
    drop(inbound._connection if leg == "hub" else viewer.peer, 0.05)
    await asyncio.sleep(1)
    since = time.monotonic()
    await asyncio.sleep(6)
    fps, missing = spread(viewer, since)
    print(f"5 % loss on the {leg}'s leg: {fps:.1f} frames/s, {missing} missing of {6 * FPS}")
    assert (6 * FPS - missing) / 6 >= 24
    for closing in (outbound.close(), viewer.peer.close(), inbound.close(), camera.peer.close()):
        await closing


async def test_a_hub_that_restarts_is_seen_again_in_the_same_connection() -> None:
    camera = CameraEnd((ClipTrack(make_clip(MIME)), MIME))
    async with relayed(camera) as (sources, (viewer,)):
        await viewer.has(10)
        await camera.peer.close()
        await asyncio.sleep(0.5)
        before = len(viewer.frames["video"])
        last = viewer.frames["video"][-1][1].timestamp
        again = CameraEnd((ClipTrack(make_clip(MIME), first=25), MIME))
        inbound = InboundPeer(nothing, nothing)
        await inbound.take_offer(await again.offer())
        await again.take_answer(await inbound.answer(sources.values()))
        frames_before = sources["video"].frames
        async with asyncio.timeout(10):
            while again.peer.connectionState != "connected":
                await asyncio.sleep(0.005)
        began = time.monotonic()
        frames = await viewer.has(before + 5)
        took = viewer.frames["video"][before][0] - began
        print(f"first frame {took:.3f} s after the hub's connection was up")
        assert took <= 0.6
        assert sources["video"].frames > frames_before
        assert frames[before].is_key
        assert [frame.timestamp for frame in frames] == sorted(frame.timestamp for frame in frames)
        assert frames[before].timestamp > last
        assert viewer.peer.connectionState == "connected"
        await inbound.close()
        await again.peer.close()


class DeafCamera(CameraEnd):
    """One that cannot be asked for key frames, as behind RTSP. (A clip's track never makes one by itself.)"""


async def test_who_joins_between_key_frames_sees_at_once_though_the_camera_is_deaf() -> None:
    clip = make_clip(MIME, frames=100, group=100)
    async with relayed(DeafCamera((ClipTrack(clip), MIME))) as (sources, (viewer,)):
        await viewer.has(40)  # far from both key frames
        for _ in range(3):
            began = time.monotonic()
            outbound, late = OutboundPeer(sources.values(), nothing, nothing), ViewerEnd()
            await outbound.take_answer(await late.answer(await outbound.offer()))
            frames = await late.has(1)
            took = time.monotonic() - began
            print(f"joined between key frames: {took:.3f} s")
            assert frames[0].is_key
            await outbound.close()
            await late.peer.close()
            if took <= 0.3:
                return
        pytest.fail("never within 0.3 s")


async def test_a_slow_viewer_holds_up_nobody_and_costs_no_memory() -> None:
    async with relayed(CameraEnd((ClipTrack(make_clip(MIME)), MIME)), viewers=1) as (sources, (viewer,)):
        await viewer.has(5)
        slow = OutboundPeer(sources.values(), nothing, nothing)
        subscription = slow._subscriptions[0]
        await subscription.recv()  # joins, and then never reads again
        await viewer.has(120)
        assert len(subscription._queue) <= 75
        await slow.close()


async def test_key_frame_requests_are_joined_and_none_is_lost() -> None:
    camera = CameraEnd((ClipTrack(make_clip(MIME, frames=100, group=100)), MIME))
    async with relayed(camera) as (sources, (viewer,)):
        await viewer.has(5)
        before = camera.key_requests
        for _ in range(20):
            sources["video"].request_key_frame()
        await asyncio.sleep(0.7)
        first = camera.key_requests - before
        sources["video"].request_key_frame()
        sources["video"].request_key_frame()
        await asyncio.sleep(0.8)
        assert 1 <= first <= 2
        assert 2 <= camera.key_requests - before <= 3


def resident_mb() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.long
async def test_hundreds_of_joins_leave_nothing_behind() -> None:
    async with relayed(CameraEnd((ClipTrack(make_clip(MIME)), MIME))) as (sources, _viewers):
        sizes = {}
        for number in range(1, JOINS + 1):
            outbound, viewer = OutboundPeer(sources.values(), nothing, nothing), ViewerEnd()
            await outbound.take_answer(await viewer.answer(await outbound.offer()))
            await viewer.has(1)
            await (outbound.close() if number % 2 else viewer.peer.close())
            await (viewer.peer.close() if number % 2 else outbound.close())
            if number % 100 == 0:
                sizes[number] = (round(resident_mb(), 1), open_files())
        print(f"RSS (MB) and open files after so many joins: {sizes}")
        (first, files), *_, (last, files_after) = sizes.values()
        assert last < first * 1.05 + 2
        assert files_after <= files + 2


@pytest.mark.long
async def test_a_hub_without_viewers_costs_no_memory() -> None:
    async with relayed(CameraEnd((ClipTrack(make_clip(MIME)), MIME)), viewers=0) as (sources, _viewers):
        await asyncio.sleep(5)
        before = resident_mb()
        await asyncio.sleep(IDLE_S)
        after = resident_mb()
        print(f"RSS with a hub and no viewer: {before:.1f} MB, {IDLE_S:.0f} s later {after:.1f} MB")
        assert sources["video"].frames > FPS * IDLE_S * 0.8
        assert after < before + 3


def ports_of(connection: RTCPeerConnection) -> list[int]:
    lines = connection.localDescription.sdp.splitlines()
    return [int(line.split()[5]) for line in lines if line.startswith("a=candidate:") and " udp " in line.lower()]


def compose_noise(chance: random.Random) -> bytes:
    """What looks like STUN, DTLS, RTP or RTCP for a few bytes, and then is not."""
    head = chance.choice(
        [b"\0\x01\0\x08\x21\x12\xa4\x42", b"\x16\xfe\xff", b"\x17\xfe\xfd", b"\x80\x60", b"\x80\xc8", b""]
    )
    return head + chance.randbytes(chance.randrange(0, 1400))


async def test_a_datagram_of_nothing_ends_no_connection() -> None:
    async with relayed(CameraEnd((ClipTrack(make_clip(MIME)), MIME))) as (_sources, (viewer,)):
        await viewer.has(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for port in ports_of(viewer.peer):
                for data in (b"", b"\x80", b"\x16", b"\0\x01\0\x08\x21\x12\xa4\x42" + b"\xff" * 16):
                    noise.sendto(data, ("127.0.0.1", port))
        await viewer.has(len(viewer.frames["video"]) + 20)


@pytest.mark.long
async def test_noise_on_the_relay_s_ports_stops_no_stream() -> None:
    """Bounded: some hundred datagrams a second, to loopback alone."""
    inbound = InboundPeer(nothing, nothing)
    camera = CameraEnd((ClipTrack(make_clip(MIME)), MIME))
    codecs = await inbound.take_offer(await camera.offer())
    source = RelaySource(codecs["video"])
    await camera.take_answer(await inbound.answer([source]))
    outbound, viewer = OutboundPeer([source], nothing, nothing), ViewerEnd()
    await outbound.take_answer(await viewer.answer(await outbound.offer()))
    await viewer.has(5)
    ports, chance = ports_of(inbound._connection) + ports_of(outbound._connection), random.Random(3)
    ends, sent, since = time.monotonic() + FUZZ_S, 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        while time.monotonic() < ends:
            for _ in range(10):
                noise.sendto(compose_noise(chance), ("127.0.0.1", chance.choice(ports)))
                sent += 1
            await asyncio.sleep(0.03)
    await asyncio.sleep(0.5)
    fps, missing = spread(viewer, since)
    print(f"{sent} datagrams of noise in {FUZZ_S:.0f} s: {fps:.1f} frames/s, {missing} missing")
    assert inbound.is_up
    assert outbound.is_up
    assert fps >= 24
    for closing in (outbound.close(), viewer.peer.close(), inbound.close(), camera.peer.close()):
        await closing
