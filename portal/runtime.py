"""Where the running servers are: the notes that `manage.py up` leaves under `<data>/run` for every other command.

Each note is a JSON object of environment variable names to values, readable by its owner alone: `backend` for the
portal, `ai` for the AI workers, `provision` for `manage.py provision`. Real environment variables win over it. This
module knows no Django, since the settings read it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


class RuntimeNoteUnreadable(Exception):
    """A note exists and cannot be read; the message says which and what to do."""


def data_dir() -> Path:
    """Return the folder of the embedded servers: `ANBU_DATA`, else `var` in the repository."""
    return Path(os.environ.get("ANBU_DATA") or REPOSITORY / "var").resolve()


def run_dir() -> Path:
    return data_dir() / "run"


def note_path(kind: str) -> Path:
    return run_dir() / f"{kind}.json"


def read(kind: str) -> dict[str, str]:
    """Return the variables noted for `kind`; empty when nothing runs here."""
    return read_private(note_path(kind))


def write(kind: str, values: dict[str, str]) -> None:
    write_private(note_path(kind), values)


def forget(kind: str) -> None:
    note_path(kind).unlink(missing_ok=True)


def read_private(path: Path) -> dict[str, str]:
    """Return the string values of a private JSON file, {} when it does not exist."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise RuntimeNoteUnreadable(
            f"{path} belongs to another user; run this command as the user who runs `manage.py up`, "
            "or set ANBU_DATA to a folder of your own."
        ) from error
    except ValueError as error:
        raise RuntimeNoteUnreadable(f"{path} is not JSON ({error}); restore it from a backup.") from error
    if not isinstance(values, dict):
        raise RuntimeNoteUnreadable(f"{path} does not hold a JSON object; restore it from a backup.")
    return {str(name): str(value) for name, value in values.items()}


def write_private(path: Path, values: dict[str, str]) -> None:
    """Replace `path` at once and durably; nobody but its owner can read it at any moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
