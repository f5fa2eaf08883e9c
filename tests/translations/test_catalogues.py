"""Korean is the source language; every other language's catalogue is whole, up to date, and compiled as committed."""

from __future__ import annotations

import gettext
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.optional_tools import require_tool

REPOSITORY = Path(__file__).parents[2]
CATALOGUE = Path("portal/locale/en/LC_MESSAGES")
SOURCES = ("ai", "devices", "monitoring", "portal", "seniors", "templates", "static", "manage.py")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources whose catalogue was collected anew, so that the work tree stays as it is."""
    require_tool("xgettext")
    require_tool("msgattrib")
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (REPOSITORY / name).exists():
            shutil.copy(REPOSITORY / name, copy / name)
    run(copy, sys.executable, "manage.py", "makemessages", "--locale", "en", "--no-location", "--no-obsolete")
    return copy / CATALOGUE / "django.po"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def list_messages(po: Path, *options: str) -> list[str]:
    """Source texts of the entries that `options` of msgattrib select, as written in the file."""
    text = run(po.parent, require_tool("msgattrib"), "--no-wrap", *options, po.name)
    return [line for line in text.splitlines() if line.startswith("msgid ") and line != 'msgid ""']


def test_every_text_of_the_sources_is_in_the_catalogue_and_no_other(fresh: Path) -> None:
    committed = list_messages(REPOSITORY / CATALOGUE / "django.po", "--no-obsolete")
    assert sorted(committed) == sorted(list_messages(fresh)), "run `make messages` and translate what is new"


def test_no_text_is_left_untranslated_or_guessed(fresh: Path) -> None:
    assert list_messages(fresh, "--untranslated") == []
    assert list_messages(fresh, "--only-fuzzy") == []


def test_the_compiled_catalogue_is_that_of_its_source(tmp_path: Path) -> None:
    compiled = tmp_path / "django.mo"
    run(REPOSITORY, require_tool("msgfmt"), "--check", "-o", str(compiled), str(CATALOGUE / "django.po"))
    assert read_compiled(compiled) == read_compiled(REPOSITORY / CATALOGUE / "django.mo"), "run `make messages`"


def read_compiled(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return vars(gettext.GNUTranslations(file))["_catalog"]  # type: ignore[no-any-return]  # the library's own table
