"""The API's view of hubs, safety checks and faults, field by field as the contract names them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .installation_tests import MAX_MINUTES
from .models import Fault, InstallationTest, IoTHub, SafetyCheck
from .registration import MAX_OVERLAP_S


class HubRegistration(serializers.Serializer[dict[str, Any]]):
    device_id = serializers.CharField(max_length=64)
    replaces = serializers.IntegerField(required=False, min_value=1, help_text="hub_id of the broken hub")


class RegisteredHub(serializers.Serializer[dict[str, Any]]):
    hub_id = serializers.IntegerField()
    device_id = serializers.CharField()
    status = serializers.ChoiceField(choices=IoTHub.Status.choices)
    api_key = serializers.CharField(help_text="shown here and never again")


class KeyRotation(serializers.Serializer[dict[str, Any]]):
    overlap_s = serializers.IntegerField(min_value=0, max_value=MAX_OVERLAP_S, default=0)


class RotatedKey(serializers.Serializer[dict[str, Any]]):
    api_key = serializers.CharField(help_text="shown here and never again")
    prefix = serializers.CharField()
    created_at = serializers.DateTimeField()
    previous_key_expires_at = serializers.DateTimeField(allow_null=True)


class ClaimCode(serializers.Serializer[dict[str, Any]]):
    code = serializers.CharField(help_text="shown here and never again; works once")
    qr_text = serializers.CharField(help_text="the same with address and device, for a QR code")
    expires_at = serializers.DateTimeField()


class Claim(serializers.Serializer[dict[str, Any]]):
    device_id = serializers.CharField(max_length=64)
    code = serializers.CharField(max_length=32, help_text="small letters, spaces and hyphens do not matter")


class ClaimedHub(serializers.Serializer[dict[str, Any]]):
    hub_id = serializers.IntegerField()
    senior_id = serializers.IntegerField()
    device_id = serializers.CharField()
    api_key = serializers.CharField(help_text="shown here and never again")


class TestStart(serializers.Serializer[dict[str, Any]]):
    minutes = serializers.IntegerField(min_value=1, max_value=MAX_MINUTES)


class StartedTest(serializers.ModelSerializer[InstallationTest]):
    hub_id = serializers.IntegerField(read_only=True)
    started_by = serializers.IntegerField(source="started_by_id", read_only=True)

    class Meta:
        model = InstallationTest
        fields = ["test_id", "hub_id", "started_by", "started_at", "ends_at"]


class RequestedCheck(serializers.ModelSerializer[SafetyCheck]):
    class Meta:
        model = SafetyCheck
        fields = ["check_id", "status", "expires_at"]


class CheckState(serializers.ModelSerializer[SafetyCheck]):
    senior_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = SafetyCheck
        fields = ["check_id", "senior_id", "status", "requested_at", "delivered_at", "answered_at", "expires_at"]


class FaultState(serializers.ModelSerializer[Fault]):
    hub_id = serializers.IntegerField(read_only=True)
    senior_id = serializers.IntegerField(source="hub.senior_id", read_only=True)
    seen_by = serializers.IntegerField(source="seen_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Fault
        fields = ["fault_id", "hub_id", "senior_id", "kind", "sensor_id", "since", "cleared_at", "seen_at", "seen_by"]


class FaultFilter(serializers.Serializer[dict[str, Any]]):
    open = serializers.BooleanField(required=False, allow_null=True, default=None)


class HubConfig(serializers.Serializer[dict[str, Any]]):
    hub_id = serializers.IntegerField()
    senior_id = serializers.IntegerField()
    heartbeat_interval_s = serializers.IntegerField()
    batch_max_events = serializers.IntegerField()
    batch_max_delay_s = serializers.IntegerField()
    ice_servers = serializers.ListField(child=serializers.DictField())
    server_time = serializers.DateTimeField()
