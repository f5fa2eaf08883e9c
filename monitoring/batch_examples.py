"""What hubs say and are told, as examples in the API's schema."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

EVENT = {
    "timestamp": "2026-11-22T08:30:12.250+09:00",
    "sensor_id": "bedroom_motion",
    "event_content": "motion",
    "sensor_value": True,
}
BATCH_EXAMPLES = [
    OpenApiExample(
        "batch",
        summary="Two events",
        value={
            "sent_at": "2026-11-22T08:30:13.000+09:00",
            "events": [EVENT, {**EVENT, "sensor_id": "현관문", "event_content": "door", "sensor_value": False}],
        },
        request_only=True,
    ),
    OpenApiExample(
        "panic",
        summary="A pressed button: its emergency is raised before the answer",
        value={"events": [{**EVENT, "sensor_id": "button", "event_content": "sos 침실"}]},
        request_only=True,
    ),
    OpenApiExample(
        "taken",
        summary="One was there already, one is not right and is never sent again",
        value={
            "accepted": 97,
            "duplicates": 1,
            "rejected": [{"index": 41, "code": "invalid_value", "detail": "sensor_value is true or false"}],
            "server_time": "2026-11-21T23:30:13.120000+00:00",
        },
        response_only=True,
        status_codes=["200"],
    ),
]
