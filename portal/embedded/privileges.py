"""Which ordinary user the servers run as, and whether that user can reach what they need.

PostgreSQL refuses to run as root, and no server needs it. Started by root, the servers run as `ANBU_SERVER_USER`
(default `nobody`); started by an ordinary user they run as that user.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.embedded.errors import EmbeddedServerError, FolderNotEnterable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class ServerUser:
    """An ordinary user; `is_other` when it is not the one who runs this process."""

    name: str
    uid: int
    groups: frozenset[int]
    gid: int
    is_other: bool


def choose_server_user() -> ServerUser:
    """Return the user to run the servers as. Raises EmbeddedServerError for an unknown or privileged one."""
    if os.geteuid() != 0:
        return _current_user()
    name = os.environ.get("ANBU_SERVER_USER") or "nobody"
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise EmbeddedServerError(
            f"The servers do not run as root, and there is no user {name!r} to run them as; "
            "set ANBU_SERVER_USER to an ordinary user of this machine."
        ) from None
    if entry.pw_uid == 0:
        raise EmbeddedServerError(
            f"ANBU_SERVER_USER is {name!r}, which is root; name an ordinary user, since PostgreSQL refuses to be root."
        )
    groups = frozenset(os.getgrouplist(name, entry.pw_gid))
    return ServerUser(name, entry.pw_uid, groups, entry.pw_gid, is_other=True)


def _current_user() -> ServerUser:
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return ServerUser(name, uid, frozenset({os.getegid(), *os.getgroups()}), os.getegid(), is_other=False)


def require_enterable(paths: Iterable[Path], user: ServerUser) -> None:
    """Raise FolderNotEnterable naming the first folder on the way to one of `paths` that `user` cannot enter.

    A file at the end of the way must be readable and executable. Access control lists are not looked at.
    """
    for path in paths:
        target = path.resolve()
        for step in (*reversed(target.parents), target):
            if not step.exists():
                break
            if not _may_enter(step.stat(), user):
                raise FolderNotEnterable(_describe_obstacle(step, target, user))


def _may_enter(status: os.stat_result, user: ServerUser) -> bool:
    bits = stat.S_IXOTH if stat.S_ISDIR(status.st_mode) else stat.S_IROTH | stat.S_IXOTH
    if status.st_uid == user.uid:
        bits <<= 6
    elif status.st_gid in user.groups:
        bits <<= 3
    return status.st_mode & bits == bits


def _describe_obstacle(step: Path, target: Path, user: ServerUser) -> str:
    kind = "folder" if step.is_dir() else "file"
    verb = "enter" if step.is_dir() else "run"
    where = "" if step == target else f" (on the way to {target})"
    remedy = "o+x" if step.is_dir() else "o+rx"
    return (
        f"The servers run as the user {user.name!r}, who cannot {verb} the {kind} {step}{where}. "
        f"Run `chmod {remedy} {step}`, keep the project and its data in another place such as /srv or /opt, "
        "set ANBU_DATA if only the data is there, or set ANBU_SERVER_USER to a user who can."
    )


def give_folder(folder: Path, user: ServerUser) -> None:
    """Create `folder`, private to `user`; what root finds there in other hands is handed over.

    An ordinary user cannot take a folder over: that is refused by name.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.stat().st_uid
    if owner == user.uid:
        folder.chmod(0o700)
        return
    if not user.is_other:
        raise FolderNotEnterable(
            f"{folder} belongs to user id {owner}, and the servers run as {user.name!r}. Start as that user or as "
            f"root, run `chown -R {user.name} {folder}` as root, or set ANBU_DATA to a folder of your own."
        )
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    folder.chmod(0o700)


def give_file(path: Path, content: str, user: ServerUser) -> None:
    """Write a file that `user` alone can read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        if user.is_other:
            os.fchown(file.fileno(), user.uid, user.gid)
