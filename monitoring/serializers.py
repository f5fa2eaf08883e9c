"""Shapes of what the monitoring API takes and gives."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .models import EmergencyLog, EventType, Outcome, Progress, Severity
from .moment_field import MomentField


class EmergencySerializer(serializers.Serializer[Any]):
    """An emergency. For guardians without `description` and the `*_by`."""

    log_id = serializers.IntegerField()
    senior_id = serializers.IntegerField()
    event_type = serializers.ChoiceField(choices=EventType.choices)
    severity = serializers.ChoiceField(choices=Severity.choices)
    description = serializers.CharField(required=False)
    occurred_at = serializers.DateTimeField()
    detected_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=EmergencyLog.Status.choices)
    repeats = serializers.IntegerField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.IntegerField(allow_null=True, required=False)
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = serializers.IntegerField(allow_null=True, required=False)
    outcome = serializers.ChoiceField(choices=Outcome.choices, allow_null=True)
    test = serializers.BooleanField()


class TimelineEntrySerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    by = serializers.IntegerField(allow_null=True, required=False)
    detail = serializers.JSONField(required=False)


class EmergencyDetailSerializer(EmergencySerializer):
    timeline = TimelineEntrySerializer(many=True)


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ResolveSerializer(NoteSerializer):
    outcome = serializers.ChoiceField(choices=Outcome.choices)


class ProgressSerializer(NoteSerializer):
    state = serializers.ChoiceField(choices=Progress.choices)


class SnoozeSerializer(serializers.Serializer[Any]):
    until = MomentField()


class AssignSerializer(serializers.Serializer[Any]):
    staff_id = serializers.IntegerField()


class ActivityRowSerializer(serializers.Serializer[Any]):
    bucket = serializers.DateTimeField()
    sensor_id = serializers.CharField()
    events = serializers.IntegerField()


class ActivitySerializer(serializers.Serializer[Any]):
    results = ActivityRowSerializer(many=True)


class SensorEventSerializer(serializers.Serializer[Any]):
    timestamp = serializers.DateTimeField()
    sensor_id = serializers.CharField(max_length=64)
    event_content = serializers.CharField(max_length=200)
    sensor_value = serializers.BooleanField()


class BatchSerializer(serializers.Serializer[Any]):
    sent_at = serializers.DateTimeField(required=False)
    events = SensorEventSerializer(many=True)


class RejectionSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()


class BatchAnswerSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = RejectionSerializer(many=True)
    server_time = serializers.DateTimeField()
