"""Debian's Janus with its video room, behind the bench's signaling.

python -m benchmarks.relay.janus PORT JANUS_HTTP_PORT
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.relay import lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM = "janus.plugin.videoroom"


def find_janus() -> str | None:
    return shutil.which("janus")


@contextmanager
def running_janus(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Janus with its video room and its HTTP interface, on loopback, and nothing else loaded."""
    program = find_janus() or "janus"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "janus.jcfg").write_text(
        f'general: {{ configs_folder = "{folder}" debug_level = 1 }}\n'
        'plugins: { disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,'
        "libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_streaming.so,libjanus_textroom.so,"
        'libjanus_videocall.so,libjanus_voicemail.so" }\n'
        'transports: { disable = "libjanus_websockets.so,libjanus_rabbitmq.so,libjanus_mqtt.so,libjanus_nanomsg.so,'
        'libjanus_pfunix.so" }\n'
    )
    (folder / "janus.transport.http.jcfg").write_text(
        'general: { json = "compact" base_path = "/janus" http = true https = false'
        f' port = {port} ip = "127.0.0.1" }}\n'
        "admin: { admin_http = false }\n"
    )
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
    process = subprocess.Popen(
        [program, "-F", str(folder), "-C", str(folder / "janus.jcfg")],
        stdout=(folder / "janus.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(100):
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/janus/info", timeout=1).status_code == 200:
                    break
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(10)


class Handle:
    """One plugin handle with a session of its own, whose events are read by long polling."""

    def __init__(self, url: str) -> None:
        self.url, self.http = url, httpx.AsyncClient(timeout=40)
        self.path = ""

    async def open(self) -> None:
        session = await self._post("", janus="create")
        self.session = f"/{session['data']['id']}"
        handle = await self._post(self.session, janus="attach", plugin=ROOM)
        self.path = f"{self.session}/{handle['data']['id']}"
        self.keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(20)
            await self._post(self.session, janus="keepalive")

    async def _post(self, path: str, **message: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.url}{path}", json={"transaction": uuid.uuid4().hex, **message})
        body: dict[str, Any] = answer.json()
        return body

    async def ask(self, body: dict[str, Any], jsep: dict[str, str] | None = None) -> dict[str, Any]:
        """The plugin's answer: at once, or the next event."""
        message: dict[str, Any] = {"janus": "message", "body": body}
        if jsep:
            message["jsep"] = jsep
        answer = await self._post(self.path, **message)
        while answer["janus"] == "ack" or "plugindata" not in answer:
            answer = (await self.http.get(f"{self.url}{self.session}?maxev=1")).json()
        if "error" in answer["plugindata"]["data"]:
            raise RuntimeError(str(answer["plugindata"]["data"]))
        return answer

    async def close(self) -> None:
        self.keeper.cancel()
        await self._post(self.session, janus="destroy")
        await self.http.aclose()


class Room:
    def __init__(self, url: str) -> None:
        self.url = url
        self.handles: dict[str, Handle] = {}
        self.feeds: dict[str, int] = {}

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        home = question["home"]
        number = 1000 + int(home)
        match question["do"]:
            case "publish":
                handle = self.handles[home] = Handle(self.url)
                await handle.open()
                create = {"request": "create", "room": number, "videocodec": "h264", "publishers": 1, "bitrate": 0}
                await handle.ask(create)
                joined = await handle.ask({"request": "join", "ptype": "publisher", "room": number})
                self.feeds[home] = joined["plugindata"]["data"]["id"]
                offer = {"type": "offer", "sdp": question["sdp"]}
                published = await handle.ask({"request": "publish", "videocodec": "h264"}, offer)
                return {"sdp": published["jsep"]["sdp"]}
            case "view":
                handle = Handle(self.url)
                await handle.open()
                streams = [{"feed": self.feeds[home]}]
                joined = await handle.ask(
                    {"request": "join", "ptype": "subscriber", "room": number, "streams": streams}
                )
                name = uuid.uuid4().hex
                self.handles[name] = handle
                return {"name": name, "sdp": joined["jsep"]["sdp"]}
            case "answer":
                answer = {"type": "answer", "sdp": question["sdp"]}
                await self.handles[question["name"]].ask({"request": "start"}, answer)
            case "leave":
                await self.handles.pop(question["name"]).close()
        return {}


if __name__ == "__main__":
    asyncio.run(lines.serve(int(sys.argv[1]), Room(f"http://127.0.0.1:{sys.argv[2]}/janus").answer))
