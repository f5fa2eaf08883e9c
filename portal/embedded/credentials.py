"""Passwords and keys of one data folder: made at its first start, kept beside it, never shown."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from portal import runtime
from portal.embedded.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TOKENS = (
    "SECRET_KEY",
    "AI_SECRET_KEY",
    "ANBU_KEY_PEPPER",
    "ANBU_ENTRY_CODE_KEYS",
    "METRICS_TOKEN",
    "ANBU_SUPERUSER_DB_PASSWORD",
    "ANBU_DB_PASSWORD",
    "ANBU_AI_DB_PASSWORD",
    "ANBU_REDIS_PASSWORD",
    "ANBU_AI_REDIS_PASSWORD",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
)
_DATA_FOLDERS = ("pg", "valkey", "s3")


class CredentialsLost(EmbeddedServerError):
    """A data folder is there without the passwords that open it."""


def secrets_path(data_dir: Path) -> Path:
    return data_dir / "run" / "secrets.json"


def load_or_generate(data_dir: Path) -> dict[str, str]:
    """Return the credentials of `data_dir`, adding those that it does not have yet.

    Raises CredentialsLost when there is data and no secrets file: new passwords would not open it, and a new
    encryption key would make what is encrypted there unreadable for ever.
    """
    path = secrets_path(data_dir)
    if not path.exists():
        _refuse_orphaned_data(data_dir, path)
    known = runtime.read_private(path)
    complete = _generate_missing(known)
    if complete != known:
        runtime.write_private(path, complete)
    return complete


def remember(data_dir: Path, name: str, value: str) -> None:
    """Keep one more secret for later starts."""
    path = secrets_path(data_dir)
    runtime.write_private(path, {**runtime.read_private(path), name: value})


def recall(data_dir: Path, name: str) -> str | None:
    """Return a secret that `remember` kept, None when there is none."""
    return runtime.read_private(secrets_path(data_dir)).get(name)


def _refuse_orphaned_data(data_dir: Path, path: Path) -> None:
    orphaned = [name for name in _DATA_FOLDERS if (data_dir / name).is_dir() and any((data_dir / name).iterdir())]
    if orphaned:
        raise CredentialsLost(
            f"{path} is missing although {data_dir / orphaned[0]} holds data. Put the file back from a backup; "
            f"to begin anew without that data, remove {data_dir}."
        )


def _generate_missing(known: Mapping[str, str]) -> dict[str, str]:
    complete = dict(known)
    for name in _TOKENS:
        complete.setdefault(name, secrets.token_urlsafe(32))
    if "ANBU_VAPID_PRIVATE_KEY" not in complete:
        complete["ANBU_VAPID_PRIVATE_KEY"] = generate_vapid_key()
    return complete


def generate_vapid_key() -> str:
    """A key that signs push messages (P-256, 32 bytes in base64url). A new one ends every browser's subscription."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
