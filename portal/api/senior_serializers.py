"""Shapes of the seniors API, which joins people, hubs, risk and emergencies."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from devices.models import IoTHub
from monitoring.models import RiskState


class RiskSerializer(serializers.Serializer[Any]):
    level = serializers.ChoiceField(choices=RiskState.Level.choices)
    score = serializers.FloatField(allow_null=True)
    updated_at = serializers.DateTimeField(allow_null=True)


class HubSummarySerializer(serializers.Serializer[Any]):
    hub_id = serializers.IntegerField()
    device_id = serializers.CharField()
    status = serializers.ChoiceField(choices=IoTHub.Status.choices)
    last_seen_at = serializers.DateTimeField(allow_null=True)


class SeniorRowSerializer(serializers.Serializer[Any]):
    senior_id = serializers.IntegerField()
    full_name = serializers.CharField()
    address = serializers.CharField()
    risk = RiskSerializer()
    hub = HubSummarySerializer(allow_null=True)
    open_emergencies = serializers.IntegerField()


class SeniorDetailSerializer(SeniorRowSerializer):
    """`health_info` is left out for guardians."""

    health_info = serializers.JSONField(required=False)
    video_consent = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class NewHubSerializer(serializers.Serializer[Any]):
    device_id = serializers.CharField(max_length=64)


class NewSeniorSerializer(serializers.Serializer[Any]):
    full_name = serializers.CharField(max_length=100)
    address = serializers.CharField(max_length=300)
    health_info = serializers.JSONField(required=False, default=dict)
    hub = NewHubSerializer(required=False, allow_null=True)

    def validate_health_info(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise serializers.ValidationError("health_info is an object")
        return value


class IssuedHubSerializer(HubSummarySerializer):
    """`api_key` appears here and never again."""

    api_key = serializers.CharField()


class CreatedSeniorSerializer(SeniorDetailSerializer):
    hub = IssuedHubSerializer(allow_null=True)


class SeniorChangeSerializer(serializers.Serializer[Any]):
    full_name = serializers.CharField(max_length=100, required=False)
    address = serializers.CharField(max_length=300, required=False)
    health_info = serializers.JSONField(required=False)
    video_consent = serializers.BooleanField(required=False)

    validate_health_info = NewSeniorSerializer.validate_health_info
