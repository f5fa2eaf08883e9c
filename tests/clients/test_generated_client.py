"""A client that was generated from our schema alone does a hub's work against the running web process."""

from __future__ import annotations

import importlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devices import claims
from monitoring.models import EmergencyLog, SensorLog
from tests.served import serve_web

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "timeseries"])
SCHEMA = Path(__file__).parents[2] / "docs" / "openapi.yaml"
PACKAGE = "generated_anbu_client"
# It would format its output, which nobody reads here; and it knows no session descriptions, which are bytes to it.
CONFIG = """
post_hooks: []
content_type_overrides:
  application/sdp: application/octet-stream
  application/trickle-ice-sdpfrag: application/octet-stream
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("clients")
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    program = Path(sys.executable).with_name("openapi-python-client")
    options: list[str | Path] = [
        "--path",
        SCHEMA,
        "--output-path",
        folder / PACKAGE,
        "--meta",
        "none",
        "--config",
        config,
    ]
    made = subprocess.run(
        [program, "generate", "--fail-on-warning", *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield folder / PACKAGE
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def address(django_db_setup: None) -> Iterator[str]:
    with serve_web() as address:
        yield f"http://{address}"


def part(name: str) -> Any:
    """A module of the generated package, which no type checker has seen."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def test_it_claims_its_key_reads_its_config_and_sends_events(package: Path, address: str, hub: IoTHub) -> None:
    models = part("models")
    claim = models.ClaimRequest(device_id=hub.device_id, code=claims.issue_claim(hub).code)
    with part("client").Client(base_url=address) as anonymous:
        claimed = part("api.hub.hub_claim_create").sync(client=anonymous, body=claim)
    assert isinstance(claimed, models.ClaimedHub)

    at = datetime.now(UTC) - timedelta(seconds=3)
    motion = models.SensorEventRequest(timestamp=at, sensor_id="bed", event_content="motion", sensor_value=True)
    press = models.SensorEventRequest(timestamp=at, sensor_id="침실 버튼", event_content="sos", sensor_value=True)
    batch = models.BatchRequest(events=[motion, press], sent_at=datetime.now(UTC))
    send = part("api.hub.hub_events_create").sync
    with part("client").AuthenticatedClient(base_url=address, token=claimed.api_key, prefix="Api-Key") as client:
        assert part("api.hub.hub_config_retrieve").sync(client=client).hub_id == hub.hub_id
        first, again = send(client=client, body=batch), send(client=client, body=batch)
    assert (first.accepted, first.duplicates, again.accepted, again.duplicates) == (2, 0, 0, 2)
    assert SensorLog.objects.filter(hub_id=hub.hub_id).count() == 2
    assert EmergencyLog.objects.get().event_type == "sos"


def test_it_reads_our_problems(package: Path, address: str, hub: IoTHub) -> None:
    claim = part("models").ClaimRequest(device_id=hub.device_id, code="wrong")
    with part("client").Client(base_url=address) as anonymous:
        problem = part("api.hub.hub_claim_create").sync(client=anonymous, body=claim)
    assert isinstance(problem, part("models").Problem)
    assert (problem.status, problem.code) == (401, "invalid_claim")
