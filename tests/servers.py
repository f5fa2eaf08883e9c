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
from xdist.scheduler.loadscope import LoadScopeScheduling

from portal.embedded.errors import EmbeddedServerError
from portal.embedded.stack import EmbeddedStack
from portal.operation.runtime_variables import compose_variables, name_missing_servers

if TYPE_CHECKING:
    import argparse

    from xdist.remote import Producer

PRODUCTS = ("tests/flows/", "tests/chaos/", "tests/portal/test_up.py")
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first."""
    items.sort(key=lambda item: item.get_closest_marker("flow") is None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return OneProductAtATime(config, log)


class OneProductAtATime(LoadScopeScheduling):  # type: ignore[misc]  # its package has no types
    """Deals out files; all that start whole products are as one, since two at once would only wait for each other."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "product" if file.startswith(PRODUCTS) else file
