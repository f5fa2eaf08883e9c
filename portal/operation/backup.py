"""A backup is a folder: both databases as pg_dump writes them, the bucket's objects, the secrets, and their digests.

The time-series database is dumped first, so that no event in it refers to a hub that the other one does not know. Redis
holds nothing that must be kept. A backup goes into an empty place only: nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from psycopg.conninfo import conninfo_to_dict

from portal import runtime
from portal.embedded import credentials
from portal.embedded.errors import EmbeddedServerError
from portal.embedded.postgres import binary_folder
from portal.operation.runtime_variables import BACKEND_SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FORMAT = 1
MANIFEST, SECRETS, OBJECTS = "manifest.json", "secrets.json", "objects"
DUMPS = {"TIMESERIES_URL": "timeseries.dump", "DATABASE_URL": "default.dump"}  # in this order
CONNECTION_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}
HAS_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
HAS_TIMESCALEDB = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"


class BackupFailed(Exception):
    """Nothing usable was made or restored; the message says what to do."""


@dataclass(frozen=True)
class Contents:
    """Of a backup: when it was made, files by name with their SHA-256, and how many objects of the bucket."""

    made_at: str
    files: dict[str, str]
    objects: int


def back_up(target: Path, variables: Mapping[str, str], data_dir: Path) -> Contents:
    """Makes `target`, which must not exist yet. Raises BackupFailed."""
    if target.exists():
        raise BackupFailed(f"{target} exists already: a backup never overwrites another; choose a new name")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.mkdir(mode=0o700, parents=True)
        for variable, name in DUMPS.items():
            run_program("pg_dump", variables[variable], "--format=custom", "--no-owner", "--no-privileges",
                        f"--file={draft / name}")  # fmt: skip
            (draft / name).chmod(0o600)
        runtime.write_private(draft / SECRETS, read_secrets(variables, data_dir))
        objects = fetch_objects(variables, draft / OBJECTS)
        contents = Contents(datetime.now(UTC).isoformat(timespec="seconds"), digest_files(draft), objects)
        manifest = {"format": FORMAT, "made_at": contents.made_at, "files": contents.files, "objects": objects}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1))
        draft.rename(target)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return contents


def read_contents(source: Path) -> Contents:
    """What `source` holds, every digest checked. Raises BackupFailed."""
    try:
        manifest = json.loads((source / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise BackupFailed(f"{source} is no backup: {MANIFEST} cannot be read ({error})") from error
    if manifest.get("format") != FORMAT:
        raise BackupFailed(f"{source} has format {manifest.get('format')}: restore it with the version that made it")
    found = digest_files(source)
    if broken := sorted(name for name, digest in manifest["files"].items() if found.get(name) != digest):
        raise BackupFailed(
            f"{source} is damaged: {', '.join(broken[:5])} is not as it was written; take another backup"
        )
    return Contents(manifest["made_at"], manifest["files"], manifest["objects"])


def restore_databases(source: Path, variables: Mapping[str, str]) -> None:
    """Into databases without tables, each all or nothing. Raises BackupFailed."""
    for variable in DUMPS:
        with psycopg.connect(variables[variable], connect_timeout=5) as connection:
            if _count(connection, HAS_TABLES):
                raise BackupFailed(
                    f"the database of {variable} is not empty: a backup is restored into a new data folder "
                    "(ANBU_DATA) or into new databases"
                )
    for variable, name in DUMPS.items():
        url = variables[variable]
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            has_timescaledb = bool(_count(connection, HAS_TIMESCALEDB))
            if has_timescaledb:
                connection.execute("SELECT timescaledb_pre_restore()")
            run_program("pg_restore", url, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
                        f"--dbname={conninfo_to_dict(url)['dbname']}", str(source / name))  # fmt: skip
            if has_timescaledb:
                connection.execute("SELECT timescaledb_post_restore()")


def restore_objects(source: Path, variables: Mapping[str, str]) -> int:
    """Puts the objects into the bucket, which must be there; how many those were. Raises BackupFailed."""
    folder, client = source / OBJECTS, connect_store(variables)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    try:
        for path in paths:
            key = path.relative_to(folder).as_posix()
            client.put_object(Bucket=variables["S3_BUCKET"], Key=key, Body=path.read_bytes())
    except (BotoCoreError, ClientError) as error:
        raise BackupFailed(f"the object store did not take the weights: {error}") from error
    return len(paths)


def fetch_objects(variables: Mapping[str, str], folder: Path) -> int:
    """Every object of the bucket as a file under `folder`; how many. Raises BackupFailed."""
    client, bucket, count = connect_store(variables), variables["S3_BUCKET"], 0
    folder.mkdir()
    try:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                path = (folder / entry["Key"]).resolve()
                if not path.is_relative_to(folder.resolve()):
                    raise BackupFailed(f"the bucket holds {entry['Key']!r}, which is no name of a file")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
                count += 1
    except (BotoCoreError, ClientError) as error:
        raise BackupFailed(f"the object store cannot be read: {error}") from error
    return count


def read_secrets(variables: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """Those of the data folder, and over them what the environment sets."""
    kept = runtime.read_private(credentials.secrets_path(data_dir))
    return kept | {name: variables[name] for name in BACKEND_SECRETS if variables.get(name)}


def connect_store(variables: Mapping[str, str]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=variables.get("S3_ENDPOINT_URL"),
        aws_access_key_id=variables.get("S3_ACCESS_KEY"),
        aws_secret_access_key=variables.get("S3_SECRET_KEY"),
        region_name=variables.get("S3_REGION", "us-east-1"),
    )


def digest_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest, by its path in `folder`."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST:
            with path.open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def run_program(name: str, url: str, *arguments: str) -> None:
    """One of PostgreSQL's programs on the database of `url`; its password stays out of the list of processes."""
    told = conninfo_to_dict(url)
    access = {variable: str(told[key]) for key, variable in CONNECTION_VARIABLES.items() if told.get(key)}
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [find_program(name), *arguments],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **access},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{name} failed on {told.get('dbname')}: {done.stderr.strip()[-1000:]}")


def find_program(name: str) -> str:
    """The one beside the embedded server, else the one on the path. It must not be older than the server."""
    return next(_candidates(name), None) or _miss(name)


def _candidates(name: str) -> Iterator[str]:
    try:
        path = binary_folder() / name
    except EmbeddedServerError:
        path = None
    if path is not None and path.exists():
        yield str(path)
    if found := shutil.which(name):
        yield found


def _miss(name: str) -> str:
    raise BackupFailed(f"there is no {name}: install PostgreSQL's client programs, as new as the server")


def _count(connection: psycopg.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
