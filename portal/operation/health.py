"""Is the process alive, can it serve, and its figures. Fast, and each part with a short time-out."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import boto3
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

TIMEOUT_S = 1.0
DATABASES = ("default", "timeseries")
_migrated: set[str] = set()


class NotReady(Exception):
    """A part that the service needs is away; the text says what it is."""


@never_cache
@require_GET
def answer_alive(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_GET
def answer_ready(request: HttpRequest) -> JsonResponse:
    """503 when a database or its migrations are not there; Redis or object storage away is `degraded` with 200."""
    needed = {f"database:{alias}": _try(check_database, alias) for alias in DATABASES}
    wanted = {"redis": _try(check_redis), "object_storage": _try(check_object_storage)}
    checks = needed | wanted
    ready = all(state == "ok" for state in needed.values())
    complete = all(state == "ok" for state in checks.values())
    status = "ok" if complete else "degraded" if ready else "unavailable"
    return JsonResponse(
        {"status": status, "checks": checks},
        status=200 if ready else 503,
        headers={} if ready else {"Retry-After": "5"},
    )


@never_cache
@require_GET
def answer_metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format of this process, for who has METRICS_TOKEN."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    if not token or not secrets.compare_digest(given.encode(), token.encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def check_database(alias: str) -> None:
    """Raises NotReady when the database does not answer or lacks a migration."""
    connection = connections[alias]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if alias in _migrated:
            return
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, InterfaceError) as error:
        raise NotReady("away") from error
    if missing:
        raise NotReady(f"{len(missing)} migrations are missing")
    # migrations do not go away while a process lives, and reading their graph takes a tenth of a second
    _migrated.add(alias)


def check_redis() -> None:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        ) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        raise NotReady("away") from error


def check_object_storage() -> None:
    try:
        _storage_client().head_bucket(Bucket=_storage_options()["bucket_name"])
    except (BotoCoreError, ClientError) as error:
        raise NotReady("away") from error


def _storage_options() -> dict[str, Any]:
    storages = cast("dict[str, dict[str, dict[str, Any]]]", settings.STORAGES)
    return storages["weights"]["OPTIONS"]


@lru_cache(maxsize=1)
def _storage_client() -> Any:
    """A client of our own: the storage's waits a minute for what is away."""
    options = _storage_options()
    return boto3.client(
        "s3",
        endpoint_url=options["endpoint_url"],
        aws_access_key_id=options["access_key"],
        aws_secret_access_key=options["secret_key"],
        region_name=options["region_name"],
        config=Config(
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


def _try(check: Callable[..., None], *arguments: str) -> str:
    try:
        check(*arguments)
    except NotReady as error:
        return str(error)
    return "ok"
