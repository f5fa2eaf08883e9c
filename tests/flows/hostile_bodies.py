"""Bodies that no honest hub sends: (body, headers). Whatever comes, the answer is below 500 and the memory stays."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

GZIP = {"Content-Encoding": "gzip"}
Hostile = tuple[bytes, dict[str, str]]


def event(**fields: Any) -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(seconds=5)
    plain = {"timestamp": moment.isoformat(), "sensor_id": "bath", "event_content": "motion", "sensor_value": True}
    return {**plain, **fields}


def batch(*events: Any, **fields: Any) -> bytes:
    return json.dumps({"events": events, **fields}).encode("utf-8", "surrogatepass")


def hostile_bodies() -> dict[str, Hostile]:
    return {
        **{f"shape: {text[:30]!r}": (text, {}) for text in SHAPES},
        **{f"event: {fields}"[:60]: (batch(event(), event(**fields)), {}) for fields in FIELDS},
        **{f"event is {value!r}"[:40]: (batch(event(), value), {}) for value in ODD_EVENTS},
        **large_bodies(),
        **packed_bodies(),
    }


ODD_EVENTS: list[Any] = [None, 1, "x", [], [[]], {}, True]
SHAPES = [
    b"",
    b" ",
    b"{",
    b"[]",
    b"null",
    b"1e999",
    b"NaN",
    b'{"events": NaN}',
    b'{"events": [NaN, Infinity, -Infinity]}',
    b'{"events": [1e999]}',
    b'{"events": null}',
    b'{"events": {}}',
    b'{"events": "x"}',
    b'{"events": [], "events": []}',
    b'{"events": [], "more": 1}',
    b'{"events": []} {}',
    b'\xef\xbb\xbf{"events": []}',
    b'{"events": ["\xff\xfe"]}',
    b'{"events": ["\xed\xa0\x80"]}',
    '{"events": []}'.encode("utf-16"),
    '{"events": []}'.encode("utf-32"),
    b'{"events": ["\\ud800"]}',
    b'{"\\u0000": 1}',
    b'{"\\ud800": 1}',
    b'{"events": [], "sent_at": "yesterday"}',
    b'{"events": [], "sent_at": 5}',
    b'{"events": [], "sent_at": "9999-12-31T23:59:59Z"}',
    b'{"events": [], "sent_at": "0001-01-01T00:00:00+23:59"}',
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"events": [' + b"[" * 20 + b"]" * 20 + b"]}",
    b'{"events": [' + b"9" * 100_000 + b"]}",
    b'{"events": [-' + b"9" * 4_400 + b"]}",
    b"<events/>",
    b"events=1",
    bytes(range(256)) * 16,
]
FIELDS: list[dict[str, Any]] = [
    {"timestamp": None},
    {"timestamp": 5},
    {"timestamp": "now\x00"},
    {"timestamp": "9999-12-31T23:59:59.999999999-23:59"},
    {"timestamp": "0001-01-01T00:00:00+23:59"},
    {"timestamp": "2026-13-45T99:99:99Z"},
    {"timestamp": "2026-11-22T08:30:12." + "9" * 5_000 + "Z"},
    {"sensor_id": "\x00"},
    {"sensor_id": "\ud800"},
    {"sensor_id": "'; DROP TABLE sensor_logs; --"},
    {"sensor_id": "\\N\t\\."},
    {"sensor_id": {"a": {"b": [1]}}},
    {"sensor_id": "x" * 100_000},
    {"event_content": "sos\x00\ud800"},
    {"event_content": "gas " + "x" * 100_000},
    {"event_content": "\u202e\u0007"},
    {"event_content": ["sos"]},
    {"sensor_value": 1},
    {"sensor_value": "on"},
    {"sensor_value": 10**400},
    {"more": "x"},
]


def large_bodies() -> dict[str, Hostile]:
    return {
        "10 MB of spaces": (b" " * 10_000_000, {}),
        "a byte over": (b" " * 1_048_577, {}),
        "a thousand and one events": (batch(*[event()] * 1001), {}),
        "a mebibyte of brackets": (b"[" * 1_048_576, {}),
        "a mebibyte of one text": (b'{"events": ["' + b"x" * 1_000_000 + b'"]}', {}),
        "a hundred thousand nulls": (b'{"events": [' + b"null," * 100_000 + b"null]}", {}),
        "a hundred thousand names": (json.dumps({str(number): 0 for number in range(80_000)}).encode(), {}),
    }


def packed_bodies() -> dict[str, Hostile]:
    return {
        "a gzip bomb": (gzip.compress(b" " * 100_000_000), GZIP),
        "a bomb in a bomb": (gzip.compress(gzip.compress(b" " * 100_000_000)), GZIP),
        "half a gzip": (gzip.compress(batch(event()))[:-9], GZIP),
        "gzip with a tail": (gzip.compress(batch(event())) + b"x" * 1000, GZIP),
        "no gzip": (batch(event()), GZIP),
        "zlib": (zlib.compress(batch(event())), {"Content-Encoding": "deflate"}),
        "two packings": (gzip.compress(batch(event())), {"Content-Encoding": "gzip, gzip"}),
        "an unknown packing": (batch(event()), {"Content-Encoding": "br"}),
        "SenML of nothing": (b"[[]]", {"Content-Type": "application/senml+json"}),
        "SenML of endless time": (b'[{"n":"a","t":1e999,"vb":true}]', {"Content-Type": "application/senml+json"}),
        "another type": (b"\x00\x01", {"Content-Type": "multipart/form-data; boundary=\x7f"}),
    }
