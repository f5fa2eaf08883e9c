"""A notice and a task as JSON objects, with their words in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import translation

from .emergency_json import moment
from .notice_words import say_notice, say_task

if TYPE_CHECKING:
    from .notice_models import DueTask, Notice


def notice_json(notice: Notice, language: str) -> dict[str, Any]:
    with translation.override(language):
        text = say_notice(notice)
    return {
        "notice_id": notice.notice_id,
        "kind": notice.kind,
        "senior_id": notice.senior_id,
        "text": text,
        "values": notice.values,
        "rings": notice.rings,
        "created_at": moment(notice.created_at),
        "seen_at": moment(notice.seen_at),
        "closed_at": moment(notice.closed_at),
    }


def task_json(task: DueTask, language: str) -> dict[str, Any]:
    with translation.override(language):
        text = say_task(task)
    return {
        "task_id": task.task_id,
        "senior_id": task.senior_id,
        "kind": task.kind,
        "code": task.code,
        "text": text,
        "values": task.values,
        "due_at": moment(task.due_at),
        "created_at": moment(task.created_at),
        "done_at": moment(task.done_at),
        "done_by": task.done_by_id,
        "outcome": task.outcome or None,
        "note": task.note,
    }
