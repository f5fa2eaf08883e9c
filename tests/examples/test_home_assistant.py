"""The recipe's templates, rendered as Home Assistant does it (Jinja), give batches that the validator takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment

from monitoring.ingest import judge, read_batch

RECIPE = Path(__file__).parents[2] / "examples" / "home_assistant"
NOW = datetime(2026, 11, 22, 8, 30, 12, 250_000, tzinfo=UTC)


class Loader(yaml.SafeLoader):
    """Knows the two tags of Home Assistant."""


for tag in ("!secret", "!input"):
    Loader.add_constructor(tag, lambda loader, node: f"<{node.value}>")


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((RECIPE / name).read_text(encoding="utf-8"), Loader)  # noqa: S506 - a SafeLoader
    return loaded


def trigger(state: str = "on", device_class: str | None = "motion", kind: str = "") -> SimpleNamespace:
    attributes = {} if device_class is None else {"device_class": device_class}
    to_state = SimpleNamespace(state=state, last_changed=NOW, object_id="bedroom", attributes=attributes)
    return SimpleNamespace(id=kind, to_state=to_state, from_state=SimpleNamespace(state="off"))


def post(changed: SimpleNamespace) -> bytes:
    """The body that the automation sends for a change."""
    variables = load("blueprint.yaml")["actions"][0]["default"][0]["variables"]
    native = NativeEnvironment()
    known = {"trigger": changed, "words": variables["words"]}
    known["kind"] = native.from_string(variables["kind"]).render(known)
    event = {name: native.from_string(text).render(known) for name, text in variables["event"].items()}
    commands = SandboxedEnvironment()
    commands.filters["to_json"] = json.dumps
    return commands.from_string(load("rest_command.yaml")["anbu_event"]["payload"]).render(event).encode()


@pytest.mark.parametrize(
    ("device_class", "word"), [("motion", "motion"), ("door", "door"), ("cold", "item"), (None, "item")]
)
def test_a_change_becomes_an_event_with_its_own_time(device_class: str | None, word: str) -> None:
    events, _ = read_batch(json.loads(post(trigger("off", device_class))))
    verdicts = judge(events, NOW)
    assert verdicts.accepted == [(NOW, "bedroom", word, False)]
    assert verdicts.panics == []


@pytest.mark.parametrize(
    ("device_class", "kind", "raised"),
    [(None, "call", "sos"), ("smoke", "", "fire"), ("carbon_monoxide", "", "gas")],
)
def test_a_call_and_a_detector_raise(device_class: str | None, kind: str, raised: str) -> None:
    events, _ = read_batch(json.loads(post(trigger("on", device_class, kind))))
    assert [panic.event_type for panic in judge(events, NOW).panics] == [raised]


def test_the_sign_of_life_is_an_empty_batch() -> None:
    events, sent_at = read_batch(json.loads(load("rest_command.yaml")["anbu_alive"]["payload"]))
    assert (events, sent_at) == ([], None)


def test_a_sensor_that_comes_back_has_seen_nothing() -> None:
    condition = NativeEnvironment().from_string(load("blueprint.yaml")["conditions"][0])
    back = trigger()
    back.from_state.state = "unavailable"
    said: list[object] = [condition.render(trigger=one) for one in (trigger(), back)]
    assert said == [True, False]
