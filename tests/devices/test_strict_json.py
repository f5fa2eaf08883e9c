from __future__ import annotations

import pytest

from devices.strict_json import MAX_DEPTH, MalformedJSON, is_storable, parse_strict


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"nul",
        b"[1] [2]",
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "a": 2}}]',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[-1e999]",
        b"9" * 5000,
        b'["\xff"]',
        b'"\x01"',
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'["\\ud800"]',
        b"\xef\xbb\xbf{}",
        nested(MAX_DEPTH + 1),
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_the_contract_does_not_take_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJSON) as caught:
        parse_strict(body)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, true, null, "\\ud55c"]}', {"a": [1, 2.5, True, None, "한"]}),
        ('"👵🏽"'.encode(), "👵🏽"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"1e308", 1e308),
    ],
)
def test_any_other_json_is_read(body: bytes, value: object) -> None:
    assert parse_strict(body) == value


def test_eight_levels_are_taken() -> None:
    assert parse_strict(nested(MAX_DEPTH)) is not None


def test_one_bad_value_can_be_left_to_the_caller() -> None:
    value = parse_strict(b'["\\u0000", "\\ud800", 1e999]', check_values=False)
    assert value == ["\x00", "\ud800", float("inf")]
    with pytest.raises(MalformedJSON):
        parse_strict(b'{"a": 1, "a": 2}', check_values=False)


@pytest.mark.parametrize(("text", "can_be_kept"), [("한글", True), ("", True), ("a\x00", False), ("\udc80", False)])
def test_storable_is_what_postgresql_can_keep(text: str, can_be_kept: bool) -> None:
    assert is_storable(text) is can_be_kept
