"""What `manage.py doctor` looks at: each look is one finding with what to do about it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from django.db import Error as DatabaseError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from redis import Redis
from redis.exceptions import RedisError

from ai.reader_grants import ALL_COLUMNS, READER_GRANTS
from monitoring.hypertable import Storage, find_storage
from portal.operation.channel_diagnosis import look_at_channels
from portal.operation.database_roles import AI_ROLE
from portal.operation.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_SKEW_SECONDS = 2.0
# Columns that the AI workers must never read, as they prove who somebody is or tell about them.
_CLOSED_COLUMNS = (
    ("staffs", "password_hash"),
    ("iot_hubs", "api_key_hash"),
    ("hub_keys", "key_hash"),
    ("seniors", "full_name"),
    ("seniors", "health_info"),
)


def examine() -> Iterator[Finding]:
    """Look at everything; a store that is away is a finding, never an exception."""
    for alias in READER_GRANTS:
        yield from _examine_database(alias)
    yield _guard(_("Redis/Valkey"), _look_at_redis, _("REDIS_URL과 서버 상태를 확인하십시오."))
    yield _guard(
        _("객체 저장소"), _look_at_bucket, _("S3_ENDPOINT_URL과 키를 확인하고 manage.py provision을 실행하십시오.")
    )
    yield from _look_at_keys()
    yield from look_at_channels()
    yield _look_at_time_zone()


def _examine_database(alias: str) -> Iterator[Finding]:
    variable = {"default": "DATABASE_URL", "timeseries": "TIMESERIES_URL"}[alias]
    name = _("데이터베이스 {alias}").format(alias=alias)
    away = _("{variable}과 서버 상태를 확인하십시오. 내장 서버는 manage.py up이 켭니다.").format(variable=variable)
    first = _guard(name, partial(_look_at_server, alias=alias), away)
    yield first
    if first.state == "broken":
        return
    looks = [
        (_("마이그레이션 {alias}"), _look_at_migrations),
        (_("시계 {alias}"), _look_at_clock),
        (_("AI 역할 {alias}"), _look_at_reader),
    ]
    if alias == "timeseries":
        looks.append((_("TimescaleDB"), _look_at_timescale))
    for label, look in looks:
        yield _guard(label.format(alias=alias), partial(look, alias=alias), away)


def _guard(name: str, look: Callable[[str], Finding], remedy: str) -> Finding:
    try:
        return look(name)
    except (DatabaseError, RedisError, ClientError, BotoCoreError) as error:
        return Finding(name, "broken", str(error).strip().splitlines()[0], remedy)


def _look_at_server(name: str, alias: str) -> Finding:
    (version, zone), *_rest = _query(alias, "SELECT current_setting('server_version'), current_setting('TimeZone')")
    return Finding(name, "ok", f"PostgreSQL {version}, {zone}")


def _look_at_migrations(name: str, alias: str) -> Finding:
    executor = MigrationExecutor(connections[alias])
    missing = [str(migration) for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        remedy = _("manage.py migrate --database {alias}를 실행하십시오.").format(alias=alias)
        return Finding(name, "broken", _("적용되지 않음: ") + ", ".join(missing), remedy)
    return Finding(name, "ok", _("모두 적용됨"))


def _look_at_clock(name: str, alias: str) -> Finding:
    before = time.time()
    ((database,), *_rest) = _query(alias, "SELECT extract(epoch FROM clock_timestamp())::float8")
    skew = database - (before + time.time()) / 2
    detail = _("이 컴퓨터와 {skew:+.3f}초 차이").format(skew=skew)
    if abs(skew) > MOST_SKEW_SECONDS:
        return Finding(name, "broken", detail, _("두 컴퓨터의 시계를 NTP(chrony)로 맞추십시오."))
    return Finding(name, "ok", detail)


def _look_at_reader(name: str, alias: str) -> Finding:
    remedy = _("manage.py provision을 실행하십시오.")
    if not _query(alias, "SELECT 1 FROM pg_roles WHERE rolname = %s", AI_ROLE):
        return Finding(name, "broken", _("{role} 역할이 없습니다.").format(role=AI_ROLE), remedy)
    closed = [table for table, columns in READER_GRANTS[alias].items() if not _may_read(alias, table, columns)]
    if closed:
        return Finding(name, "broken", _("읽을 수 없는 테이블: ") + ", ".join(closed), remedy)
    opened = [
        f"{table}.{column}"
        for table, column in _CLOSED_COLUMNS
        if alias == "default" and _may_read(alias, table, (column,))
    ]
    if opened:
        return Finding(name, "broken", _("읽어서는 안 되는 열이 열려 있음: ") + ", ".join(opened), remedy)
    return Finding(name, "ok", _("허락된 열만 읽습니다."))


def _may_read(alias: str, table: str, columns: tuple[str, ...]) -> bool:
    if columns == ALL_COLUMNS:
        return bool(_query(alias, "SELECT 1 WHERE has_table_privilege(%s, %s, 'SELECT')", AI_ROLE, table))
    return all(
        _query(alias, "SELECT 1 WHERE has_column_privilege(%s, %s, %s, 'SELECT')", AI_ROLE, table, column)
        for column in columns
    )


def _look_at_timescale(name: str, alias: str) -> Finding:
    storage = find_storage(connections[alias])
    if storage is Storage.PLAIN:
        remedy = _("그대로 써도 됩니다. 확장을 설치한 뒤에는 manage.py adopt_timescaledb를 실행하십시오.")
        return Finding(name, "notice", _("확장 없이 일반 테이블로 동작합니다."), remedy)
    if storage is Storage.NOT_ADOPTED:
        remedy = _("manage.py adopt_timescaledb를 실행하십시오.")
        return Finding(name, "notice", _("확장은 있으나 아직 일반 테이블입니다."), remedy)
    return Finding(name, "ok", str(storage))


def _look_at_redis(name: str) -> Finding:
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)
    try:
        facts: Any = client.info()
    finally:
        client.close()
    version = facts.get("valkey_version") or facts["redis_version"]
    if not facts.get("aof_enabled"):
        remedy = _("서버 설정에 appendonly yes를 넣으십시오. 재시작하면 대기 중인 작업을 잃습니다.")
        return Finding(name, "notice", _("{version}, 디스크에 기록하지 않음").format(version=version), remedy)
    return Finding(name, "ok", _("{version}, 디스크에 기록함").format(version=version))


def _look_at_bucket(name: str) -> Finding:
    # S3Storage is untyped; its bucket is boto3's
    storage: Any = storages["weights"]
    storage.connection.meta.client.head_bucket(Bucket=storage.bucket_name)
    return Finding(name, "ok", _("버킷 {bucket}").format(bucket=storage.bucket_name))


def _look_at_keys() -> Iterator[Finding]:
    keys = {
        "SECRET_KEY": "" if settings.SECRET_KEY.startswith("unconfigured-") else settings.SECRET_KEY,
        "ANBU_KEY_PEPPER": settings.ANBU_KEY_PEPPER,
        "ANBU_ENTRY_CODE_KEYS": ",".join(settings.ANBU_ENTRY_CODE_KEYS),
        "METRICS_TOKEN": settings.METRICS_TOKEN,
    }
    remedy = _("환경 변수로 32바이트 이상의 무작위 값을 주십시오. 내장 서버를 쓰면 manage.py up이 만듭니다.")
    for name, value in keys.items():
        if not value:
            yield Finding(name, "broken", _("설정되지 않았습니다."), remedy)
        elif len(value) < 32:
            yield Finding(name, "broken", _("너무 짧습니다({length}자).").format(length=len(value)), remedy)
        else:
            yield Finding(name, "ok", _("설정됨"))


def _look_at_time_zone() -> Finding:
    name = _("시간대")
    if settings.TIME_ZONE != "Asia/Seoul":
        return Finding(name, "broken", settings.TIME_ZONE, _("TIME_ZONE을 Asia/Seoul로 되돌리십시오."))
    return Finding(name, "ok", settings.TIME_ZONE)


def _query(alias: str, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
