"""Each rule finds a small example of what it forbids: a check that cannot fail holds nothing."""

from __future__ import annotations

import pytest

from tests.architecture import source_rules as rules
from tests.architecture.source_rules import Module


@pytest.mark.parametrize(
    "source",
    [
        "import portal.settings",
        "from monitoring.models import SensorLog",
        "from monitoring import models",
        "def later():\n    from ai.detector import score",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from monitoring.models import SensorLog",
    ],
)
def test_an_upward_import_is_found(source: str) -> None:
    assert len(rules.find_upward_imports(Module("devices.presence", source))) == 1


@pytest.mark.parametrize("source", ["from seniors.models import Senior", "from .models import IoTHub", "import json"])
def test_a_downward_import_is_no_finding(source: str) -> None:
    assert rules.find_upward_imports(Module("devices.presence", source)) == []


def test_an_import_inside_a_function_is_found_unless_its_library_is_heavy() -> None:
    source = "def fit():\n    import sklearn.metrics\n    from devices.presence import mark\n"
    found = rules.find_hidden_imports(Module("ai.training", source))
    assert found == ["ai.training:3 imports devices.presence.mark inside a function"]


def test_a_circle_is_found_also_through_relative_imports_and_packages() -> None:
    modules = {
        "ai": (Module("ai", "from .training import fit"), True),
        "ai.training": (Module("ai.training", "from . import scoring"), False),
        "ai.scoring": (Module("ai.scoring", "import ai.training"), False),
    }
    assert rules.find_circle(modules) == ["ai.training", "ai.scoring", "ai.training"]


def test_an_import_for_types_alone_closes_no_circle() -> None:
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from devices.b import B"
    modules = {
        "devices.a": (Module("devices.a", types), False),
        "devices.b": (Module("devices.b", "from devices.a import A"), False),
    }
    assert rules.find_circle(modules) == []


def test_a_long_module_and_a_long_function_are_found() -> None:
    body = "\n".join(["    pass"] * 60)
    assert rules.find_long_functions(Module("ai.x", f"def work():\n{body}")) == ["ai.x:1 work has 61 lines"]
    assert rules.find_long_modules(Module("ai.x", "pass\n" * 401)) == ["ai.x has 401 lines"]
    assert rules.find_long_modules(Module("ai.x", "pass\n" * 400)) == []


@pytest.mark.parametrize("name", ["devices.utils", "ai.common.times", "monitoring.services"])
def test_a_name_that_says_nothing_is_found(name: str) -> None:
    assert len(rules.find_forbidden_names(Module(name, ""))) == 1


@pytest.mark.parametrize("caught", ["", " Exception", " BaseException", " (ValueError, Exception)", " Exception as e"])
def test_a_catch_all_is_found_with_its_function(caught: str) -> None:
    source = f"async def run():\n    try:\n        pass\n    except{caught}:\n        pass\n"
    assert rules.find_catch_alls(Module("devices.hub_link", source)) == ["devices.hub_link:run"]


def test_cleaning_up_and_raising_again_is_no_catch_all() -> None:
    source = "try:\n    pass\nexcept BaseException:\n    stop()\n    raise\n"
    assert rules.find_catch_alls(Module("portal.operation.launch", source)) == []


def test_a_named_exception_is_no_catch_all() -> None:
    source = "try:\n    pass\nexcept (ValueError, OSError):\n    pass\n"
    assert rules.find_catch_alls(Module("devices.hub_link", source)) == []


def test_a_print_is_found() -> None:
    assert rules.find_prints(Module("ai.x", "print('x')")) == ["ai.x:1 prints"]


@pytest.mark.parametrize(
    "source",
    [
        "EmergencyLog.objects.create(senior=senior)",
        "EmergencyLog.objects.using('default').filter(pk=1).update(status='open')",
        "row = EmergencyLog(senior=senior)",
        "EmergencyLog.objects.bulk_create(rows)",
        "EmergencyLog.objects.filter(pk=1).delete()",
        'cursor.execute("INSERT INTO emergency_logs (log_id) VALUES (1)")',
        "cursor.execute('UPDATE \"emergency_logs\" SET status = 1')",
        "cursor.execute('DELETE FROM emergency_logs')",
    ],
)
def test_a_write_to_emergencies_is_found(source: str) -> None:
    assert len(rules.find_writes(Module("monitoring.ingest", source), "EmergencyLog", "emergency_logs")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "EmergencyLog.objects.filter(pk=1).first()",
        "RiskState.objects.update(level='normal')",
        "cursor.execute('SELECT 1 FROM emergency_logs')",
        "seen: EmergencyLog",
    ],
)
def test_a_read_of_emergencies_is_no_write(source: str) -> None:
    assert rules.find_writes(Module("monitoring.ingest", source), "EmergencyLog", "emergency_logs") == []


def test_a_signal_is_found() -> None:
    source = "from django.dispatch import Signal\nhub_moved = Signal()\nhub_left: Signal = Signal()\n"
    names = ["devices.presence.hub_moved", "devices.presence.hub_left"]
    assert rules.find_signals(Module("devices.presence", source)) == names
