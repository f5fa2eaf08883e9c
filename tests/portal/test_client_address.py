from __future__ import annotations

import pytest

from portal.client_address import with_client

PROXIES = ["127.0.0.1"]


def caller(peer: str, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    address: str = with_client({"client": (peer, 4711), "headers": headers}, PROXIES)["client"][0]
    return address


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [" "], "127.0.0.1"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
    ],
)
def test_only_what_our_own_proxy_saw_is_believed(peer: str, forwarded: list[str], address: str) -> None:
    assert caller(peer, *forwarded) == address
