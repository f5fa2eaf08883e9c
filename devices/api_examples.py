"""What hubs say and are told, as examples in the API's schema."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

CLAIM_EXAMPLES = [
    OpenApiExample("claim", value={"device_id": "HUB-0417", "code": "K7QM-3XWP"}, request_only=True),
    OpenApiExample(
        "claimed",
        value={"hub_id": 417, "senior_id": 88, "device_id": "HUB-0417", "api_key": "hub_<10 letters>.<43 letters>"},
        response_only=True,
        status_codes=["201"],
    ),
]
CONFIG_EXAMPLE = OpenApiExample(
    "config",
    value={
        "hub_id": 417,
        "senior_id": 88,
        "heartbeat_interval_s": 10,
        "batch_max_events": 1000,
        "batch_max_delay_s": 5,
        "ice_servers": [{"urls": "stun:stun.anbu.example:3478"}],
        "server_time": "2026-11-22T08:30:13.120+09:00",
    },
    response_only=True,
)
