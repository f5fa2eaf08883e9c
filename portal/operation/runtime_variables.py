"""The variables that each kind of process gets: what the operator set, else what the embedded servers offer.

The AI workers' set is made here, and it is made of what they may have: a database role that can only read, a Valkey
user that reaches their own keys, and a signing key of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from portal.embedded.postgres import DATABASE, OWNER, SUPERUSER, TIMESERIES_DATABASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.embedded.stack import EmbeddedStack

AI_ROLE = "ai_reader"
AI_VALKEY_USER = "ai"
SERVER_OF_URL = {
    "DATABASE_URL": "postgres",
    "TIMESERIES_URL": "postgres",
    "REDIS_URL": "valkey",
    "S3_ENDPOINT_URL": "s3",
}
BACKEND_SECRETS = (
    "SECRET_KEY",
    "ANBU_KEY_PEPPER",
    "ANBU_ENTRY_CODE_KEYS",
    "METRICS_TOKEN",
    "ANBU_VAPID_PRIVATE_KEY",
)
# What any process needs of its surroundings; nothing that opens a store.
_SURROUNDINGS = frozenset(
    (
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONDEVMODE",
        "PYTHONWARNINGS",
        "PYTHONUNBUFFERED",
        "VIRTUAL_ENV",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "AWS_CA_BUNDLE",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "ANBU_DATA",
        "ANBU_DEBUG",
        "ANBU_LOG_JSON",
        "ANBU_LOG_LEVEL",
        "ANBU_SCORING_SHARDS",
        "S3_REGION",
        "NO_PROXY",
        "no_proxy",
    )
)


@dataclass(frozen=True)
class RuntimeVariables:
    """Environment variables by kind of process; `provision` opens more than the portal itself may."""

    backend: dict[str, str]
    ai: dict[str, str]
    provision: dict[str, str]


def name_missing_servers(environ: Mapping[str, str]) -> set[str]:
    """Return the embedded servers that are needed for the URLs that nobody set."""
    return {server for variable, server in SERVER_OF_URL.items() if not environ.get(variable)}


def compose_variables(stack: EmbeddedStack, environ: Mapping[str, str], web_url: str) -> RuntimeVariables:
    """Return the variables of every kind of process for a stack that has started."""
    credentials = stack.credentials
    backend = {name: credentials[name] for name in BACKEND_SECRETS}
    backend |= {"S3_BUCKET": stack.bucket, "ANBU_BACKEND_URL": web_url} | _offered_urls(stack)
    backend |= {name: environ[name] for name in (*backend, *SERVER_OF_URL) if environ.get(name)}
    backend |= {name: environ[name] for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY") if environ.get(name)}
    provision = {name: credentials[name] for name in ("ANBU_AI_DB_PASSWORD", "ANBU_AI_REDIS_PASSWORD")}
    if stack.postgres is not None:
        password = credentials["ANBU_SUPERUSER_DB_PASSWORD"]
        provision["ANBU_ADMIN_DATABASE_URL"] = stack.postgres.url("postgres", SUPERUSER, password)
    provision |= {name: environ[name] for name in (*provision, "ANBU_ADMIN_DATABASE_URL") if environ.get(name)}
    return RuntimeVariables(backend, _ai_variables(backend, provision, credentials, environ), provision)


def restrict_environment(environ: Mapping[str, str], ai: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of an AI process: its surroundings and its own variables, nothing else."""
    kept = {name: value for name, value in environ.items() if name in _SURROUNDINGS or name.startswith("LC_")}
    return {**kept, **ai}


def change_user(url: str, user: str, password: str) -> str:
    """Return `url` with other credentials."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}").geturl()


def _offered_urls(stack: EmbeddedStack) -> dict[str, str]:
    credentials, offered = stack.credentials, dict[str, str]()
    if stack.postgres is not None:
        password = credentials["ANBU_DB_PASSWORD"]
        offered["DATABASE_URL"] = stack.postgres.url(DATABASE, OWNER, password)
        offered["TIMESERIES_URL"] = stack.postgres.url(TIMESERIES_DATABASE, OWNER, password)
    if stack.valkey is not None:
        offered["REDIS_URL"] = stack.valkey.url("default", credentials["ANBU_REDIS_PASSWORD"])
    if stack.object_store is not None:
        offered["S3_ENDPOINT_URL"] = stack.object_store.url
        offered |= {name: credentials[name] for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY")}
    return offered


def _ai_variables(
    backend: Mapping[str, str], provision: Mapping[str, str], credentials: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    users = {
        "DATABASE_URL": (AI_ROLE, provision["ANBU_AI_DB_PASSWORD"]),
        "TIMESERIES_URL": (AI_ROLE, provision["ANBU_AI_DB_PASSWORD"]),
        "REDIS_URL": (AI_VALKEY_USER, provision["ANBU_AI_REDIS_PASSWORD"]),
    }
    own = {name: change_user(backend[name], *user) for name, user in users.items() if name in backend}
    own |= {name: environ[f"ANBU_AI_{name}"] for name in users if environ.get(f"ANBU_AI_{name}")}
    shared = ("S3_ENDPOINT_URL", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY", "ANBU_BACKEND_URL")
    own |= {name: backend[name] for name in shared if name in backend}
    own["SECRET_KEY"] = credentials["AI_SECRET_KEY"]
    service_key = environ.get("ANBU_SERVICE_KEY") or credentials.get("ANBU_SERVICE_KEY")
    return {**own, "ANBU_SERVICE_KEY": service_key} if service_key else own
