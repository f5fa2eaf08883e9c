"""Measures the staff's pages in this process, through the whole of Django: middleware, session, templates.

    python -m benchmarks.page_client SENIORS_BEFORE SENIORS ROUNDS

Settles the seniors that are missing, then prints one line of JSON: by page and person, seconds of each round, how many
queries, and the bytes of the document. Beside them the floor: a view with one query that draws the same rows.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import admin  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402

from benchmarks import province  # noqa: E402
from seniors.models import Role, Staff  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

SUPERVISOR, CASEWORKER = "supervisor", "caseworker"
WATCHED_SENIOR = 7  # whose home has its thirty days of events


def list_pages() -> dict[str, str]:
    """Every page of the staff's site that needs no more than a senior's number."""
    pages = {"desk": reverse("admin:index"), "list of seniors": reverse("admin:care_list")}
    for model in admin.site._registry:
        pages[f"admin {model._meta.model_name}"] = reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        )
    from portal.pages.senior_page import TABS

    for tab in TABS:
        pages[f"senior, {tab}"] = reverse("admin:care_tab", args=[WATCHED_SENIOR, tab])
    return pages


def log_in() -> dict[str, Client]:
    supervisor, _made = Staff.objects.get_or_create(
        email="all@anbu.example", defaults={"full_name": "all", "role": Role.SUPERVISOR}
    )
    clients = {SUPERVISOR: Client(), CASEWORKER: Client()}
    clients[SUPERVISOR].force_login(supervisor)
    clients[CASEWORKER].force_login(Staff.objects.get(email="bench0@anbu.example"))
    return clients


def look(client: Client, path: str) -> dict[str, Any] | None:
    """Queries and bytes of one page; None where this person has no such page."""
    with (
        CaptureQueriesContext(connections["default"]) as people,
        CaptureQueriesContext(connections["timeseries"]) as events,
    ):
        answer = client.get(path)
    if answer.status_code != 200:
        return None
    return {"queries": len(people) + len(events), "bytes": len(answer.content), "seconds": []}


def measure(pages: dict[str, str], rounds: int) -> dict[str, Any]:
    """Every page once a round, so that a slow moment of the machine falls on all of them."""
    clients = log_in()
    measured: dict[str, Any] = {}
    runs: list[tuple[str, Callable[[], Any]]] = []
    for who, client in clients.items():
        for name, path in pages.items():
            for _warm_up in range(2):
                found = look(client, path)
            if found is not None:
                measured[f"{name} · {who}"] = found
                runs.append((f"{name} · {who}", lambda client=client, path=path: client.get(path)))  # type: ignore[misc]
    for _round in range(rounds):
        for name, run in runs:
            began = time.perf_counter()
            run()
            measured[name]["seconds"].append(time.perf_counter() - began)
    return measured


def main() -> None:
    before, seniors, rounds = (int(word) for word in sys.argv[1:])
    settings.ROOT_URLCONF = "benchmarks.page_floor"
    settings.ALLOWED_HOSTS = ["testserver"]
    if seniors > before:
        province.settle(before + 1, seniors)
    if not before:
        province.live(WATCHED_SENIOR)
    floor = {"floor: desk": "/floor/desk/", "floor: list": "/floor/list/"}
    print("PAGES" + json.dumps(measure(list_pages() | floor, rounds)))


main()
