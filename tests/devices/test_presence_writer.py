from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from django.db import OperationalError, connections, transaction

from devices import presence, presence_writer
from devices.database_threads import in_database_thread
from tests.factories import make_hub, make_senior

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devices.models import IoTHub

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The groups of hubs that were written down."""
    groups: list[set[int]] = []
    write = presence.mark_posts

    def write_and_note(hub_ids: Iterable[int]) -> dict[int, bool]:
        groups.append(set(hub_ids))
        return write(hub_ids)

    monkeypatch.setattr(presence, "mark_posts", write_and_note)
    return groups


async def status(hub: IoTHub) -> str:
    await in_database_thread(hub.refresh_from_db)
    return hub.status


async def test_whoever_looks_after_the_answer_sees_the_hub_online(hub: IoTHub, written: list[set[int]]) -> None:
    await presence_writer.note_post(hub.hub_id)
    assert await status(hub) == "online"
    assert written == [{hub.hub_id}]


async def test_a_hub_that_is_online_already_is_not_waited_for(hub: IoTHub, monkeypatch: pytest.MonkeyPatch) -> None:
    await presence_writer.note_post(hub.hub_id)
    monkeypatch.setattr(presence, "POST_REPEATS_S", 0.0)

    def fail(hub_ids: Iterable[int]) -> dict[int, bool]:
        raise OperationalError("away")

    monkeypatch.setattr(presence, "mark_posts", fail)
    await presence_writer.note_post(hub.hub_id)  # its earlier post still holds
    presence._posted.clear()
    with pytest.raises(OperationalError):
        await presence_writer.note_post(hub.hub_id)


async def test_a_post_is_lost_to_no_other_hub_whose_row_is_in_use(hub: IoTHub) -> None:
    other, _ = await in_database_thread(lambda: make_hub(make_senior()))

    def mark_while_one_row_is_held() -> set[int]:
        with transaction.atomic():
            type(hub).objects.select_for_update().get(pk=hub.pk)
            return _mark_elsewhere([hub.hub_id, other.hub_id])

    assert await in_database_thread(mark_while_one_row_is_held) == {other.hub_id}
    assert not presence.is_post_noted(hub.hub_id)
    await presence_writer.note_post(hub.hub_id)
    assert await status(hub) == "online"


def _mark_elsewhere(hub_ids: list[int]) -> set[int]:
    """On another connection, as another process would."""
    marked: set[int] = set()

    def mark() -> None:
        marked.update(presence.mark_posts(hub_ids))
        connections.close_all()

    thread = threading.Thread(target=mark)
    thread.start()
    thread.join(20)
    return marked
