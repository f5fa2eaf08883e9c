"""A pytest plugin that starts the real servers before Django's settings are read, and stops them at the end.

Servers whose URLs are set in the environment are used as they are. The others live in a folder of their own, so that
a running product on the same machine is never touched. Where several workers share the tests (`-n`), each has servers
of its own, and whoever deals the tests out has none. What starts the whole product runs on one worker, a file's tests
stay together.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.stack import EmbeddedStack
from portal.operation.runtime_variables import compose_variables, name_missing_servers

if TYPE_CHECKING:
    import argparse

STACK_KEY = pytest.StashKey[EmbeddedStack]()


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """pytest-django reads the settings in the same hook, after this one."""
    asked = early_config.known_args_namespace
    if asked.help or asked.version or deals_out(asked):
        return
    folder = Path(tempfile.mkdtemp(prefix="anbu-tests-"))
    folder.chmod(0o755)  # the servers' own user must get in
    stack = EmbeddedStack(folder, name_missing_servers(os.environ), durable=False)
    try:
        stack.start()
    except EmbeddedServerError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise pytest.UsageError(f"The servers of the tests did not start. {error}") from error
    early_config.stash[STACK_KEY] = stack
    os.environ["ANBU_DATA"] = str(folder)
    (folder / "static").mkdir()  # WhiteNoise warns of a folder that is not there
    variables = compose_variables(stack, os.environ, web_url="http://127.0.0.1:8000")
    os.environ.update({**variables.provision, **variables.backend})


def pytest_unconfigure(config: pytest.Config) -> None:
    stack = config.stash.get(STACK_KEY, None)
    if stack is not None:
        stack.stop()
        shutil.rmtree(stack.data_dir, ignore_errors=True)


def deals_out(asked: argparse.Namespace) -> bool:
    """Whether this process only hands tests to workers."""
    return bool(asked.numprocesses) and "PYTEST_XDIST_WORKER" not in os.environ


@pytest.hookimpl(tryfirst=True)  # the dealer of groups looks after us
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole products come first and one after the other: two at once would only wait for each other."""
    items.sort(key=lambda item: item.get_closest_marker("flow") is None)
    for item in items:
        group = "product" if item.get_closest_marker("flow") else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
