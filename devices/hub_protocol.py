"""The messages of the hub socket `hub.v1`: text of one JSON object each, at most 64 kB, `{"type", "id", ...}`.

`parse` turns a frame of a hub into one of HUB_MESSAGES or raises ProtocolError; `encode` writes one of ours.
Unknown fields are ignored, so that a newer hub can say more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

SUBPROTOCOL = "hub.v1"
MAX_BYTES = 65_536
MALFORMED_IN_A_ROW = 3

CLOSE_STORE_AWAY = 1012
CLOSE_MALFORMED = 4400
CLOSE_DEAD_CREDENTIAL = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_HEARTBEAT_MISSED = 4408
CLOSE_REPLACED = 4409
CLOSE_FLOOD = 4429

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]
Answer = Literal["ok", "help", "no_answer"]


class ProtocolError(Exception):
    """A frame that is no message of this protocol. The socket stays open; three `malformed` in a row close it.

    `about` is the id of the message where it could be read.
    """

    def __init__(self, code: str, detail: str, about: str | None = None, *, malformed: bool = True) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.about = about
        self.malformed = malformed


# -- from the hub


class Heartbeat(Struct, frozen=True, tag_field="type", tag="heartbeat"):
    id: str
    sent_at: Instant
    battery: Annotated[int, Meta(ge=0, le=100)] | None
    robot_online: bool


class SafetyCheckReceived(Struct, frozen=True, tag_field="type", tag="safety_check.received"):
    id: str
    check_id: Id


class SafetyCheckAnswer(Struct, frozen=True, tag_field="type", tag="safety_check.answer"):
    id: str
    check_id: Id
    answer: Answer


class StreamOffer(Struct, frozen=True, tag_field="type", tag="stream.offer"):
    id: str
    stream_id: str
    sdp: str


class IceCandidate(Struct, frozen=True, rename="camel"):
    candidate: str
    sdp_mid: str | None
    sdp_m_line_index: Annotated[int, Meta(ge=0)] | None


class StreamCandidate(Struct, frozen=True, tag_field="type", tag="stream.candidate"):
    """Trickle ICE, both ways; None at the end."""

    id: str
    stream_id: str
    candidate: IceCandidate | None


class TalkReady(Struct, frozen=True, tag_field="type", tag="talk.ready"):
    id: str
    stream_id: str
    sdp: str


class ErrorMessage(Struct, frozen=True, tag_field="type", tag="error"):
    """What was wrong with a message, both ways; `about` is that message's id, None where it had none."""

    id: str
    code: str
    detail: str | UnsetType = UNSET
    about: str | None = None


HubMessage = (
    Heartbeat | SafetyCheckReceived | SafetyCheckAnswer | StreamOffer | StreamCandidate | TalkReady | ErrorMessage
)

# -- to the hub


class HeartbeatAck(Struct, frozen=True, tag_field="type", tag="heartbeat.ack"):
    id: str
    server_time: datetime


class SafetyCheckRequest(Struct, frozen=True, tag_field="type", tag="safety_check.request"):
    id: str
    check_id: int
    prompt: str
    expires_at: datetime


class StreamStart(Struct, frozen=True, tag_field="type", tag="stream.start"):
    id: str
    stream_id: str
    ice_servers: list[dict[str, Any]]


class StreamAnswer(Struct, frozen=True, tag_field="type", tag="stream.answer"):
    id: str
    stream_id: str
    sdp: str


class StreamViewers(Struct, frozen=True, tag_field="type", tag="stream.viewers"):
    id: str
    stream_id: str
    count: int


class StreamStop(Struct, frozen=True, tag_field="type", tag="stream.stop"):
    id: str
    stream_id: str


class TalkStart(Struct, frozen=True, tag_field="type", tag="talk.start"):
    """`sdp` offers one audio, send only; the hub answers with `talk.ready`."""

    id: str
    stream_id: str
    sdp: str


class TalkStop(Struct, frozen=True, tag_field="type", tag="talk.stop"):
    id: str
    stream_id: str


RelayMessage = StreamStart | StreamAnswer | StreamViewers | StreamStop | TalkStart | TalkStop | ErrorMessage
ServerMessage = HeartbeatAck | SafetyCheckRequest | StreamCandidate | RelayMessage

HUB_MESSAGES: dict[str, type[HubMessage]] = {
    "heartbeat": Heartbeat,
    "safety_check.received": SafetyCheckReceived,
    "safety_check.answer": SafetyCheckAnswer,
    "stream.offer": StreamOffer,
    "stream.candidate": StreamCandidate,
    "talk.ready": TalkReady,
    "error": ErrorMessage,
}


def parse(text: str | None) -> HubMessage:
    """The message in a text frame; None stands for a binary frame. Raises ProtocolError."""
    if text is None:
        raise ProtocolError("malformed", "send text frames, this one is binary")
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise ProtocolError("too_large", f"a message may have {MAX_BYTES} bytes")
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ProtocolError("malformed", f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolError("malformed", "a message is one JSON object")
    about = value.get("id")
    about = about if isinstance(about, str) else None
    kind = value.get("type")
    if not isinstance(kind, str) or about is None:
        raise ProtocolError("malformed", "a message has the strings `type` and `id`", about)
    if kind not in HUB_MESSAGES:
        raise ProtocolError("unknown_type", f"a hub sends {', '.join(HUB_MESSAGES)}", about, malformed=False)
    try:
        return msgspec.convert(value, HUB_MESSAGES[kind])
    except msgspec.ValidationError as error:
        raise ProtocolError("malformed", str(error), about) from error


def from_relay(message: dict[str, Any]) -> RelayMessage:
    """What a camera relay says to a hub. Raises msgspec.ValidationError."""
    relayed: RelayMessage = msgspec.convert(message, RelayMessage)
    return relayed


def encode(message: ServerMessage) -> str:
    return msgspec.json.encode(message).decode()


class MessageBudget:
    """How much a socket may say: `burst` messages at once, `per_second` in the long run. Times in seconds, any clock.

    A camera session's burst of ICE candidates fits; a hub in a loop does not.
    """

    BURST: ClassVar[int] = 60
    PER_SECOND: ClassVar[float] = 10.0

    def __init__(self, now: float) -> None:
        self._left = float(self.BURST)
        self._at = now

    def spend(self, now: float) -> bool:
        """Takes one message; False when there is none left."""
        self._left = min(self.BURST, self._left + (now - self._at) * self.PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
