"""Loopback ports for the servers."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from portal.embedded.errors import EmbeddedServerError

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortTaken(EmbeddedServerError):
    """Another program listens on a port that was asked for."""


def choose_free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on.

    They lie below the range of outgoing connections: a client that keeps trying to reach a dead server on a port of
    that range can connect to itself, and the restarted server then finds its own port taken.
    """
    chosen: set[int] = set()
    candidates = random.SystemRandom().sample(range(_LOWEST, _first_ephemeral_port()), 400)
    for port in candidates:
        if len(chosen) == count:
            break
        if is_free(LOOPBACK, port):
            chosen.add(port)
    if len(chosen) < count:
        raise EmbeddedServerError("No free loopback ports are left; stop programs that hold thousands of ports.")
    return list(chosen)


def require_free(host: str, port: int) -> None:
    """Raise `PortTaken` when `host:port` cannot be listened on."""
    if not is_free(host, port):
        raise PortTaken(
            f"{host}:{port} cannot be listened on: another program holds it, or the address is not this machine's. "
            "Stop that program, or choose another port with --port."
        )


def is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _first_ephemeral_port() -> int:
    try:
        first = int(_EPHEMERAL_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
    return first if first > _LOWEST + 1_000 else 32_768
