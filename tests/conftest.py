"""The people of every test: Kim cares for the senior, Lee for others, Park supervises, the guardian is the family."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from seniors.models import Role
from tests.factories import make_hub, make_senior, make_staff, map_staff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker

    from devices.models import IoTHub
    from seniors.models import Senior, Staff


pytest_plugins = ["tests.quick_flush"]

# how long an example takes is the machine's affair; and what failed once is found again by its printed example
hypothesis.settings.register_profile("anbu", deadline=None, print_blob=True)
hypothesis.settings.load_profile("anbu")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Before the databases are dropped, the connections that threads of the tests left open are ended."""
    yield
    with django_db_blocker.unblock(), connections["default"].cursor() as cursor:
        names = [connections[alias].settings_dict["NAME"] for alias in settings.DATABASES]
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s) AND pid <> ALL(%s)",
            [names, [connections[alias].connection.info.backend_pid for alias in names_in_use()]],
        )


def names_in_use() -> list[str]:
    return [alias for alias in settings.DATABASES if connections[alias].connection is not None]


@pytest.fixture(scope="session", autouse=True)
def static_root() -> Iterator[None]:
    """WhiteNoise warns of a folder that is not there; and a page names its files though nobody has hashed them."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        yield


@pytest.fixture
def senior(db: None) -> Senior:
    return make_senior(full_name="박순자")


@pytest.fixture
def hub_and_key(senior: Senior) -> tuple[IoTHub, str]:
    return make_hub(senior)


@pytest.fixture
def hub(hub_and_key: tuple[IoTHub, str]) -> IoTHub:
    return hub_and_key[0]


@pytest.fixture
def hub_key(hub_and_key: tuple[IoTHub, str]) -> str:
    return hub_and_key[1]


@pytest.fixture
def kim(senior: Senior) -> Staff:
    """The senior's caseworker."""
    staff = make_staff(full_name="김미영", email="kim@anbu.example")
    map_staff(staff, senior)
    return staff


@pytest.fixture
def lee(db: None) -> Staff:
    """A caseworker of somebody else."""
    staff = make_staff(full_name="이정호", email="lee@anbu.example")
    map_staff(staff, make_senior())
    return staff


@pytest.fixture
def park(db: None) -> Staff:
    """A supervisor."""
    return make_staff(Role.SUPERVISOR, full_name="박지현", email="park@anbu.example")


@pytest.fixture
def guardian(senior: Senior) -> Staff:
    """The senior's family."""
    staff = make_staff(Role.GUARDIAN, full_name="박가족", email="family@anbu.example")
    map_staff(staff, senior)
    return staff
