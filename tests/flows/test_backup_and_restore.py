"""What was backed up while the portal ran is all there in a new folder: people, events, weights, keys, accesses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import pytest

from tests.flows.product import ROOT, HubClient, Product, StaffClient

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.flow, pytest.mark.long]
EMAIL, PASSWORD = "backup@anbu.example", "a-long-enough-password"
WEIGHTS = b"weights of somebody"
TABLES = {
    "DATABASE_URL": ["staffs", "seniors", "iot_hubs", "hub_keys", "emergency_logs", "access_log", "access_seals"],
    "TIMESERIES_URL": ["sensor_logs", "ingest_batches"],
}


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="anbu-backup-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def notes(product: Product) -> dict[str, str]:
    read: dict[str, str] = json.loads((product.data / "run" / "backend.json").read_text())
    return read


def rows(product: Product) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables, as text."""
    found = {}
    for variable, tables in TABLES.items():
        with psycopg.connect(notes(product)[variable]) as connection:
            for table in tables:
                found[table] = connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1").fetchall()  # noqa: S608
    return found


def bucket(product: Product) -> tuple[Any, str]:
    told = notes(product)
    client = boto3.client(
        "s3",
        endpoint_url=told["S3_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=told["S3_ACCESS_KEY"],
        aws_secret_access_key=told["S3_SECRET_KEY"],
    )
    return client, told["S3_BUCKET"]


def press(product: Product, key: str) -> int:
    event = {"timestamp": datetime.now(UTC).isoformat(), "sensor_id": "button", "event_content": "sos"}
    return HubClient(product, key).send([event | {"sensor_value": True}]).status_code


def test_a_backup_comes_back_whole(folder: Path) -> None:
    for name in ("first", "second"):
        (folder / name).mkdir()
    first = Product(folder / "first")
    try:
        first.start()
        first.manage(
            "create_staff", EMAIL, "--full-name", "박지현", "--role", "supervisor", "--password-stdin", stdin=PASSWORD
        )
        staff = StaffClient(first)
        staff.login(EMAIL, PASSWORD)
        body = {"full_name": "송분례", "address": "인제읍 9", "hub": {"device_id": "BACKUP:1"}}
        home = staff.call("POST", "/seniors", body).json()
        key = home["hub"]["api_key"]
        assert press(first, key) == 200
        client, name = bucket(first)
        client.put_object(Bucket=name, Key="weights/1/1.anbu", Body=WEIGHTS)
        first.manage("backup", str(folder / "kept"))
        before = rows(first)
        assert all(before[table] for table in ("seniors", "sensor_logs", "emergency_logs", "access_log"))
    finally:
        first.remove()
    assert (folder / "kept").stat().st_mode & 0o777 == 0o700
    second = Product(folder / "second")
    restored = subprocess.run(
        [sys.executable, "manage.py", "restore", str(folder / "kept"), "--json"],
        cwd=ROOT, env=second.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout.splitlines()[-1])["objects"] == 1
    try:
        second.start()
        after = rows(second)
        for table, kept in before.items():
            assert [row for row in kept if row not in after[table]] == [], table
        second.manage("verify_access_log")
        staff = StaffClient(second)
        staff.login(EMAIL, PASSWORD)
        assert staff.get(f"/seniors/{home['senior_id']}")["full_name"] == "송분례"
        assert press(second, key) == 200
        client, name = bucket(second)
        assert client.get_object(Bucket=name, Key="weights/1/1.anbu")["Body"].read() == WEIGHTS
    finally:
        second.remove()


def test_a_damaged_backup_is_refused(folder: Path) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "default.dump").write_bytes(b"cut off")
    manifest = {"format": 1, "made_at": "2026-11-25T00:00:00+00:00", "files": {"default.dump": "0" * 64}, "objects": 0}
    (folder / "kept" / "manifest.json").write_text(json.dumps(manifest))
    environment = os.environ | {"ANBU_DATA": str(folder / "data")}
    refused = subprocess.run(
        [sys.executable, "manage.py", "restore", str(folder / "kept")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "damaged" in refused.stderr
    assert not (folder / "data").exists()
