"""The relays that are ours to start: packets passed through, and aiortc's own MediaRelay, which decodes and encodes.

python -m benchmarks.relay.relays passthrough|mediarelay PORT
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

from benchmarks.relay import lines
from devices.camera import aiortc_seam
from devices.camera.frames import Codec
from devices.camera.peers import InboundPeer, OutboundPeer, find_capabilities
from devices.camera.source import RelaySource

CODEC = Codec("video/H264", 90_000)


def nothing() -> None: ...


class PassThrough:
    """The product's own media path (devices/camera) behind the bench's signaling."""

    def __init__(self) -> None:
        self.inbound: dict[str, InboundPeer] = {}
        self.sources: dict[str, dict[str, RelaySource]] = {}
        self.outbound: dict[str, OutboundPeer] = {}

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        home = question["home"]
        match question["do"]:
            case "publish":
                old = self.inbound.get(home)
                peer = self.inbound[home] = InboundPeer(nothing, nothing)
                codecs = await peer.take_offer(question["sdp"])
                known = self.sources.get(home, {})
                self.sources[home] = {kind: known.get(kind) or RelaySource(codec) for kind, codec in codecs.items()}
                answer = await peer.answer(self.sources[home].values())
                if old:
                    await old.close()
                return {"sdp": answer}
            case "view":
                viewer = OutboundPeer(self.sources[home].values(), nothing, nothing)
                name = uuid.uuid4().hex
                self.outbound[name] = viewer
                return {"name": name, "sdp": await viewer.offer()}
            case "answer":
                await self.outbound[question["name"]].take_answer(question["sdp"])
            case "leave":
                await self.outbound.pop(question["name"]).close()
        return {}


class Transcoding:
    """As aiortc's examples show it."""

    def __init__(self) -> None:
        self.relay = MediaRelay()
        self.tracks: dict[str, Any] = {}
        self.peers: dict[str, RTCPeerConnection] = {}

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        home = question["home"]
        match question["do"]:
            case "publish":
                peer = self.peers[home] = RTCPeerConnection(RTCConfiguration(iceServers=[]))
                peer.on("track", lambda track: self.tracks.update({home: track}))
                await peer.setRemoteDescription(RTCSessionDescription(question["sdp"], "offer"))
                await peer.setLocalDescription(await peer.createAnswer())
                return {"sdp": peer.localDescription.sdp}
            case "view":
                viewer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
                transceiver = viewer.addTransceiver(self.relay.subscribe(self.tracks[home]), "sendonly")
                transceiver.setCodecPreferences(find_capabilities(CODEC))
                await viewer.setLocalDescription(await viewer.createOffer())
                name = uuid.uuid4().hex
                self.peers[name] = viewer
                return {"name": name, "sdp": viewer.localDescription.sdp}
            case "answer":
                description = RTCSessionDescription(question["sdp"], "answer")
                await self.peers[question["name"]].setRemoteDescription(description)
            case "leave":
                await self.peers.pop(question["name"]).close()
        return {}


if __name__ == "__main__":
    aiortc_seam.shield_from_noise()
    kinds: dict[str, type[PassThrough | Transcoding]] = {"passthrough": PassThrough, "mediarelay": Transcoding}
    asyncio.run(lines.serve(int(sys.argv[2]), kinds[sys.argv[1]]().answer))
