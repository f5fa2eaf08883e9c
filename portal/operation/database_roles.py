"""The AI workers' PostgreSQL role: what it may read is named column by column (ai/reader_grants.py).

The role's read-only default is a comfort, since any client may switch it off; the grants are the guard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ai.reader_grants import ALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

AI_ROLE = "ai_reader"
_ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20"


def role_exists(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [AI_ROLE]).fetchone() is not None


def create_role(connection: psycopg.Connection, password: str) -> None:
    """Create the role or set it right. Raises psycopg.errors.InsufficientPrivilege without the right to make roles."""
    verb = "ALTER" if role_exists(connection) else "CREATE"
    for statement in role_statements(verb, password):
        connection.execute(statement)


def role_statements(verb: str, password: str) -> list[sql.Composed]:
    """Return the statements that make the role; `verb` is CREATE or ALTER."""
    role = sql.Identifier(AI_ROLE)
    head = sql.SQL("{} ROLE {} {} PASSWORD {}")
    return [
        head.format(sql.SQL(verb), role, sql.SQL(_ATTRIBUTES), sql.Literal(password)),
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role),
        sql.SQL("ALTER ROLE {} SET statement_timeout = '15s'").format(role),
    ]


def grant_reads(connection: psycopg.Connection, grants: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Give the role exactly `grants` in this database, at once. Return the tables that do not exist.

    `connection` is the tables' owner's.
    """
    role = sql.Identifier(AI_ROLE)
    database = sql.Identifier(connection.info.dbname)
    missing = [table for table in grants if not _table_exists(connection, table)]
    with connection.transaction():
        for template in (
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
            "REVOKE ALL ON DATABASE {database} FROM {role}",
            "GRANT CONNECT ON DATABASE {database} TO {role}",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
            "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
        ):
            connection.execute(sql.SQL(template).format(database=database, role=role))
        for table, columns in grants.items():
            if table not in missing:
                connection.execute(_grant_columns(table, columns, role))
    return missing


def _grant_columns(table: str, columns: tuple[str, ...], role: sql.Identifier) -> sql.Composed:
    if columns == ALL_COLUMNS:
        return sql.SQL("GRANT SELECT ON {} TO {}").format(sql.Identifier(table), role)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(names, sql.Identifier(table), role)


def _table_exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchone()
    return row is not None and row[0] is not None
