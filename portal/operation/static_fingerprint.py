"""Whether the collected static files are those of this source."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from django.contrib.staticfiles.finders import get_finders

if TYPE_CHECKING:
    from pathlib import Path

_MARK = "collected-from"


def fingerprint_sources() -> str:
    """Return a digest over path, size and time of every static file of the source."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            digest.update(f"{path}\0{storage.size(path)}\0{storage.get_modified_time(path)}\n".encode())
    return digest.hexdigest()


def is_collected(folder: Path, fingerprint: str) -> bool:
    mark = folder.parent / f"{folder.name}.{_MARK}"
    manifest = folder / "staticfiles.json"
    return manifest.exists() and mark.exists() and mark.read_text(encoding="ascii") == fingerprint


def mark_collected(folder: Path, fingerprint: str) -> None:
    folder.parent.joinpath(f"{folder.name}.{_MARK}").write_text(fingerprint, encoding="ascii")
