"""Emptying the databases between tests, quickly.

Django truncates every table and then makes content types and permissions anew: most of a second for each test that
commits. Here only the tables that hold rows are emptied, and what migrations put there is left alone.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connections, transaction

# made by migrations and needed by nobody's test to be empty
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
FILLED = """
    SELECT quote_ident(relname) FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> ALL(%s)
"""


def delete_rows(alias: str) -> None:
    connection = connections[alias]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute(FILLED, [list(KEPT)])
        names = [row[0] for row in cursor.fetchall()]
        cursor.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in names))  # noqa: S608
        filled = [row[0] for row in cursor.fetchall()]
        if filled:
            cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")


def handle(self: Any, **options: Any) -> None:
    delete_rows(options["database"])


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush.Command, "handle", handle)
        yield
