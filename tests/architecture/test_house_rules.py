"""The house's rules hold in every module of the product."""

from __future__ import annotations

from pathlib import Path

from tests.architecture import source_rules as rules
from tests.architecture.source_rules import LAYERS, Module

REPOSITORY = Path(__file__).parents[2]
ROOTS = (*LAYERS, "examples")
# A process's outermost loop must outlive what it did not foresee; each says beside the handler why.
OUTERMOST_LOOPS = frozenset(
    {
        "devices.camera.home:_work",  # alone does what is asked of a home's camera
        "devices.hub_link:_run",  # alone reaches the hubs of its process
        "devices.revocation_feed:_tell_all",  # tells each revocation once
        "monitoring.notification.sender:_carry",  # a carrier's library may fail in any way, and its slot must come free
        "monitoring.notification.sender:run",  # alone sends notifications: one bad row must not silence the others
        "monitoring.slow_watch:run",  # the same for absences and the roster
        "monitoring.sensor_watch:run",  # a home that cannot be judged must not end the watch over the others
        "monitoring.watchdog:sweep",  # alone takes due steps: one bad row must not hold back the others
    }
)
SIGNALS = {
    "devices.signals.safety_check_answered",
    "devices.signals.safety_check_progressed",
    "devices.signals.hub_went_offline",
}
WRITES_EMERGENCIES = {
    "monitoring.alerting",  # that it is, and that it is over
    "monitoring.ownership",  # whose it is
    "monitoring.escalation",  # its place on the ladder
}
AIORTC_ROOMS = ("devices.camera", "examples.hub")  # the relay, and the hub that shows its camera to it


def read_modules() -> dict[str, tuple[Module, bool]]:
    """Every module of ours but migrations, by dotted name, and whether it is a package."""
    modules = {}
    for root in ROOTS:
        for path in (REPOSITORY / root).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            modules[name] = (Module(name, path.read_text(encoding="utf-8")), is_package)
    return modules


MODULES = read_modules()


def test_modules_of_every_app_were_found() -> None:
    assert {module.app for module, _ in MODULES.values()} >= set(LAYERS)


def test_imports_go_one_way() -> None:
    assert [line for module, package in MODULES.values() for line in rules.find_upward_imports(module, package)] == []


def test_no_import_hides_in_a_function() -> None:
    assert [line for module, package in MODULES.values() for line in rules.find_hidden_imports(module, package)] == []


def test_modules_import_one_another_in_no_circle() -> None:
    assert rules.find_circle(MODULES) == []


def test_modules_are_short_enough_to_read() -> None:
    # the example hub is one file on purpose: a hub maker takes it as it is
    ours = [module for module, _ in MODULES.values() if module.app != "examples"]
    assert [line for module in ours for line in rules.find_long_modules(module)] == []


def test_functions_are_short_enough_to_read() -> None:
    assert [line for module, _ in MODULES.values() for line in rules.find_long_functions(module)] == []


def test_modules_are_named_for_their_job() -> None:
    assert [line for module, _ in MODULES.values() for line in rules.find_forbidden_names(module)] == []


def test_nothing_prints() -> None:
    products = [module for module, _ in MODULES.values() if module.app != "examples"]
    assert [line for module in products for line in rules.find_prints(module)] == []


def test_only_outermost_loops_catch_everything() -> None:
    found = {line for module, _ in MODULES.values() for line in rules.find_catch_alls(module)}
    assert found == OUTERMOST_LOOPS


def test_aiortc_stays_in_the_camera_s_room() -> None:
    strangers = {
        module.name
        for module, package in MODULES.values()
        for entry in rules.find_imports(module, package)
        if entry.target.split(".")[0] == "aiortc" and not module.name.startswith(AIORTC_ROOMS)
    }
    assert strangers == set()


def test_only_their_own_modules_write_emergencies() -> None:
    others = [module for module, _ in MODULES.values() if module.name not in WRITES_EMERGENCIES]
    assert [line for module in others for line in rules.find_writes(module, "EmergencyLog", "emergency_logs")] == []


def test_apps_call_up_by_the_named_signals_alone() -> None:
    assert {line for module, _ in MODULES.values() for line in rules.find_signals(module)} <= SIGNALS
