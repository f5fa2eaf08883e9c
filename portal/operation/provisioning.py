"""What stands beside the migrations: roles, grants, Valkey's users, the bucket, the workers' key. Idempotent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.storage import storages
from django.db import connections
from django.utils.translation import gettext as _
from redis import Redis
from redis.exceptions import RedisError

from ai.reader_grants import READER_GRANTS
from ai.service_accounts import ServiceAccountExists, find_service_account, issue_service_account
from devices.api_keys import split_key
from portal import runtime
from portal.embedded import credentials
from portal.operation import database_roles, valkey_users
from portal.operation.runtime_variables import change_user

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT = "ai-workers"
_MOST_ACCOUNTS = 100


@dataclass(frozen=True)
class Provision:
    """One thing that was provided, or that could not be: then `by_hand` says how a person does it."""

    name: str
    done: bool
    detail: str
    by_hand: str = ""


def provide_all() -> Iterator[Provision]:
    """Provide each thing in turn; what fails does not keep the others from being tried."""
    variables = {**runtime.read("provision"), **os.environ}
    for alias in READER_GRANTS:
        yield _provide_role(alias, variables)
        yield _provide_grants(alias)
    yield _provide_valkey_user(variables)
    yield _provide_bucket()
    yield _provide_service_key()
    yield _provide_push_key()


def owner_connection(alias: str) -> psycopg.Connection:
    """Return an autocommit connection of the tables' owner, outside Django's."""
    database = connections[alias].settings_dict
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        connect_timeout=5,
        autocommit=True,
    )


def _provide_role(alias: str, variables: Mapping[str, str]) -> Provision:
    name = _("데이터베이스 역할 {role} ({alias})").format(role=database_roles.AI_ROLE, alias=alias)
    password = variables.get("ANBU_AI_DB_PASSWORD")
    by_hand = "\n".join(
        f"{statement.as_string()};" for statement in database_roles.role_statements("CREATE", "PASSWORD")
    )
    if not password:
        with owner_connection(alias) as connection:
            exists = database_roles.role_exists(connection)
        hint = _("ANBU_AI_DB_PASSWORD를 설정하거나 직접 실행하십시오:\n") + by_hand
        return Provision(name, exists, _("비밀번호를 알지 못해 그대로 두었습니다."), "" if exists else hint)
    try:
        with _admin_connection(alias, variables) as connection:
            database_roles.create_role(connection, password)
    except psycopg.errors.InsufficientPrivilege as error:
        if _reader_logs_in(alias, password):
            return Provision(name, True, _("관리자가 만들어 둔 역할을 씁니다."))
        hint = _("ANBU_ADMIN_DATABASE_URL에 관리자 주소를 주거나 관리자로 직접 실행하십시오:\n") + by_hand
        return Provision(name, False, str(error).strip(), hint)
    except psycopg.OperationalError as error:
        return Provision(name, False, str(error).strip(), _("데이터베이스 주소와 서버 상태를 확인하십시오."))
    return Provision(name, True, _("읽기 전용, 동시 연결 20개"))


def _admin_connection(alias: str, variables: Mapping[str, str]) -> psycopg.Connection:
    """A role is the whole server's; two databases of different servers need an administrator each."""
    own = {"default": "ANBU_ADMIN_DATABASE_URL", "timeseries": "ANBU_ADMIN_TIMESERIES_URL"}[alias]
    url = variables.get(own) or variables.get("ANBU_ADMIN_DATABASE_URL")
    return psycopg.connect(url, connect_timeout=5, autocommit=True) if url else owner_connection(alias)


def _reader_logs_in(alias: str, password: str) -> bool:
    database = connections[alias].settings_dict
    try:
        psycopg.connect(
            host=database["HOST"],
            port=database["PORT"] or None,
            dbname=database["NAME"],
            user=database_roles.AI_ROLE,
            password=password,
            connect_timeout=5,
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _provide_grants(alias: str) -> Provision:
    name = _("읽기 권한 ({alias})").format(alias=alias)
    grants = READER_GRANTS[alias]
    try:
        with owner_connection(alias) as connection:
            missing = database_roles.grant_reads(connection, grants)
    except psycopg.Error as error:
        return Provision(name, False, str(error).strip(), _("위의 역할을 먼저 만들고 다시 실행하십시오."))
    if missing:
        return Provision(
            name, False, _("없는 테이블: ") + ", ".join(missing), _("먼저 manage.py migrate를 실행하십시오.")
        )
    return Provision(name, True, ", ".join(grants))


def _provide_valkey_user(variables: Mapping[str, str]) -> Provision:
    name = _("Valkey 사용자 {user}").format(user=valkey_users.AI_USER)
    by_hand = "ACL SETUSER ai " + " ".join(valkey_users.user_rules("PASSWORD")) + "\nACL SAVE"
    password = variables.get("ANBU_AI_REDIS_PASSWORD")
    if not password:
        return Provision(name, False, _("ANBU_AI_REDIS_PASSWORD가 없습니다."), by_hand)
    client = Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)
    try:
        valkey_users.create_user(client, password)
    except valkey_users.UsersNotKept as error:
        return Provision(name, False, str(error), by_hand)
    except RedisError as error:
        if _workers_log_in(password):
            return Provision(name, True, _("관리자가 만들어 둔 사용자를 씁니다."))
        return Provision(name, False, str(error), by_hand)
    finally:
        client.close()
    return Provision(name, True, _("자기 키와 큐만, emergencies에는 XADD만"))


def _workers_log_in(password: str) -> bool:
    url = change_user(settings.REDIS_URL, valkey_users.AI_USER, password)
    client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def _provide_bucket() -> Provision:
    # S3Storage is untyped; its bucket is boto3's
    storage: Any = storages["weights"]
    name = _("버킷 {bucket}").format(bucket=storage.bucket_name)
    client = storage.connection.meta.client
    try:
        try:
            client.head_bucket(Bucket=storage.bucket_name)
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404:
                raise
            client.create_bucket(Bucket=storage.bucket_name)
    except (ClientError, BotoCoreError) as error:
        return Provision(name, False, str(error), _("저장소에서 버킷을 직접 만들고 키에 권한을 주십시오."))
    return Provision(name, True, _("있습니다"))


def _provide_service_key() -> Provision:
    """Keep the key that works; else issue one and leave it where the workers read it."""
    name = _("AI 작업자 키")
    known = os.environ.get("ANBU_SERVICE_KEY") or credentials.recall(runtime.data_dir(), "ANBU_SERVICE_KEY")
    parts = split_key(known) if known else None
    if known and parts and find_service_account(*parts):
        runtime.write("ai", {**runtime.read("ai"), "ANBU_SERVICE_KEY": known})
        return Provision(name, True, parts[0])
    key = _issue_next()
    credentials.remember(runtime.data_dir(), "ANBU_SERVICE_KEY", key)
    runtime.write("ai", {**runtime.read("ai"), "ANBU_SERVICE_KEY": key})
    return Provision(name, True, _("새로 발급해 {path}에 두었습니다").format(path=runtime.note_path("ai")))


def _provide_push_key() -> Provision:
    """Keep the key that browsers subscribed with; else make one and leave it where the portal reads it."""
    name, variable = _("브라우저 알림 서명 키"), "ANBU_VAPID_PRIVATE_KEY"
    known = os.environ.get(variable) or credentials.recall(runtime.data_dir(), variable)
    key = known or credentials.generate_vapid_key()
    if not known:
        credentials.remember(runtime.data_dir(), variable, key)
    runtime.write("backend", {**runtime.read("backend"), variable: key})
    detail = _("있습니다") if known else _("새로 만들어 {path}에 두었습니다").format(path=runtime.note_path("backend"))
    return Provision(name, True, detail)


def _issue_next() -> str:
    """A name is never used twice, so a lost key is followed by an account of the next number."""
    for number in range(1, _MOST_ACCOUNTS):
        try:
            return issue_service_account(ACCOUNT if number == 1 else f"{ACCOUNT}-{number}")
        except ServiceAccountExists:
            continue
    raise ServiceAccountExists(f"{ACCOUNT}-1 to {ACCOUNT}-{_MOST_ACCOUNTS}: revoke the ones that nobody uses.")
