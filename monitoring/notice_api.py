"""`/api/v1/notices` and `/api/v1/tasks`: what one person was told, and what is to be done today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from seniors.access_log import record_request
from seniors.pagination import PageNumbers
from seniors.permissions import IsCareStaff, person
from seniors.problems import Problem

from . import due_tasks, notices
from .notice_json import notice_json, task_json
from .notice_models import DueTask, Notice
from .serializers import NoteSerializer

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class OpenFilter(serializers.Serializer[Any]):
    open = serializers.BooleanField(required=False, allow_null=True, default=None)


class NoticeSerializer(serializers.Serializer[Any]):
    """`text` is in the reader's language; `rings` asks for a sound."""

    notice_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=Notice.Kind.choices)
    senior_id = serializers.IntegerField(allow_null=True)
    text = serializers.CharField()
    values = serializers.JSONField()
    rings = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class TaskSerializer(serializers.Serializer[Any]):
    """`text` says why, in the reader's language."""

    task_id = serializers.IntegerField()
    senior_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=DueTask.Kind.choices)
    code = serializers.CharField()
    text = serializers.CharField()
    values = serializers.JSONField()
    due_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.IntegerField(allow_null=True)
    outcome = serializers.ChoiceField(choices=DueTask.Outcome.choices, allow_null=True)
    note = serializers.CharField()


class DoneSerializer(NoteSerializer):
    outcome = serializers.ChoiceField(choices=DueTask.Outcome.choices)


def wants_open(request: Request) -> bool | None:
    form = OpenFilter(data=request.query_params)
    form.is_valid(raise_exception=True)
    wanted: bool | None = form.validated_data["open"]
    return wanted


def language_of(request: Request) -> str:
    return person(request).language


class NoticeListView(ListAPIView[Notice]):
    """What the caller was told that is no emergency, newest first."""

    permission_classes = (IsCareStaff,)
    serializer_class = NoticeSerializer
    pagination_class = PageNumbers

    def get_queryset(self) -> QuerySet[Notice]:
        return notices.told_to(person(self.request)).select_related("senior")

    @extend_schema(parameters=[OpenFilter], responses=NoticeSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        is_open = wants_open(request)
        rows = self.get_queryset()
        if is_open is not None:
            rows = rows.filter(notices.OPEN) if is_open else rows.exclude(notices.OPEN)
        page = self.paginate_queryset(rows) or []
        record_request(request._request, "notices.list", {row.senior_id for row in page if row.senior_id})
        return self.get_paginated_response([notice_json(notice, language_of(request)) for notice in page])


class NoticeSeenView(APIView):
    permission_classes = (IsCareStaff,)

    @extend_schema(request=None, responses=NoticeSerializer)
    def post(self, request: Request, notice_id: int) -> Response:
        """The caller has seen it: it rings and shows no more, on any page of theirs."""
        notice = get_object_or_404(notices.told_to(person(request)), pk=notice_id)
        notices.mark_seen(notice.pk, person(request))
        notice.refresh_from_db()
        return Response(notice_json(notice, language_of(request)))


class TaskListView(ListAPIView[DueTask]):
    """Calls, visits and questions about the seniors whom one may see, the earliest due first."""

    permission_classes = (IsCareStaff,)
    serializer_class = TaskSerializer
    pagination_class = PageNumbers

    def get_queryset(self) -> QuerySet[DueTask]:
        return due_tasks.visible(person(self.request))

    @extend_schema(parameters=[OpenFilter], responses=TaskSerializer(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        is_open = wants_open(request)
        rows = self.get_queryset()
        if is_open is not None:
            rows = rows.filter(done_at__isnull=is_open)
        page = self.paginate_queryset(rows) or []
        record_request(request._request, "tasks.list", {row.senior_id for row in page})
        return self.get_paginated_response([task_json(task, language_of(request)) for task in page])


class TaskDoneView(APIView):
    permission_classes = (IsCareStaff,)

    @extend_schema(request=DoneSerializer, responses=TaskSerializer)
    def post(self, request: Request, task_id: int) -> Response:
        """Notes what came of it; 409 `already_done` where somebody else was faster."""
        by = person(request)
        form = DoneSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if not due_tasks.visible(by).filter(pk=task_id).exists():
            raise NotFound
        try:
            task = due_tasks.finish_task(task_id, by, form.validated_data["outcome"], form.validated_data["note"])
        except due_tasks.AlreadyDone as error:
            raise Problem(409, "already_done", str(error)) from error
        record_request(request._request, "task.done", task.senior_id, task_id=task_id)
        return Response(task_json(task, language_of(request)))
