"""The AI workers' Valkey user: its own keys, no look at others, one stream to add to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from ai.reader_grants import VALKEY_KEYS, VALKEY_STREAM

if TYPE_CHECKING:
    from redis import Redis

AI_USER = "ai"
# RANDOMKEY, SCAN and DBSIZE look past the key patterns, and "dangerous" holds KEYS, FLUSHALL, CONFIG and ACL.
_COMMANDS = (
    "+@read",
    "+@write",
    "+@blocking",
    "+@transaction",
    "+@connection",
    "+eval",
    "+evalsha",
    "+script|load",
    "-@dangerous",
    "-@admin",
    "-randomkey",
    "-scan",
    "-dbsize",
    "-move",
    "-swapdb",
)


class UsersNotKept(Exception):
    """The user works now and is gone with the server's next restart; the message says what to do."""


def user_rules(password: str) -> list[str]:
    """Return the rules of `ACL SETUSER ai`, from nothing up."""
    keys = [f"~{pattern}" for pattern in VALKEY_KEYS]
    return ["reset", "on", f">{password}", *keys, *_COMMANDS, f"(+xadd ~{VALKEY_STREAM})"]


def create_user(client: Redis, password: str) -> None:
    """Create the user or set it right, and keep it over restarts.

    Raises RedisError when the server does not let us, UsersNotKept when it has no file to keep users in.
    """
    raw: Any = client  # redis-py's execute_command is untyped
    raw.execute_command("ACL SETUSER", AI_USER, *user_rules(password))
    try:
        raw.execute_command("ACL SAVE")
    except ResponseError:
        _rewrite_configuration(raw)


def _rewrite_configuration(client: Any) -> None:
    try:
        client.execute_command("CONFIG REWRITE")
    except RedisError as error:
        raise UsersNotKept(
            f"The server keeps no users: give it an `aclfile`, then run `manage.py provision` again ({error})."
        ) from error
