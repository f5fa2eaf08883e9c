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
    return _choose(count, range(_LOWEST, _first_ephemeral_port()), (0,))


def choose_free_port_pairs(count: int, distance: int) -> list[int]:
    """Return `count` different ports p for which p and p + distance are free, chosen like `choose_free_ports`."""
    return _choose(count, range(_LOWEST, _first_ephemeral_port() - distance), (0, distance))


def _choose(count: int, candidates: range, distances: tuple[int, ...]) -> list[int]:
    chosen: list[int] = []
    for port in random.SystemRandom().sample(candidates, 400):
        if len(chosen) == count:
            return chosen
        if all(is_free(LOOPBACK, port + distance) for distance in distances):
            chosen.append(port)
    raise EmbeddedServerError("No free loopback ports are left; stop programs that hold thousands of ports.")


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
