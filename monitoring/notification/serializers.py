"""Shapes of the API about a person's own channels."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .endpoints import shown_address
from .models import ChannelKind, Notification, NotificationEndpoint


class PushKeysSerializer(serializers.Serializer[Any]):
    p256dh = serializers.CharField(max_length=200)
    auth = serializers.CharField(max_length=100)


class NewEndpointSerializer(serializers.Serializer[Any]):
    """`address` is a telephone number, an e-mail address, an apprise URL of a hosted messenger, or, with `keys`, the
    `endpoint` of a browser's PushSubscription."""

    kind = serializers.ChoiceField(choices=ChannelKind.choices)
    address = serializers.CharField(max_length=1000)
    keys = PushKeysSerializer(required=False)
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class EndpointSerializer(serializers.ModelSerializer[NotificationEndpoint]):
    address = serializers.SerializerMethodField()

    class Meta:
        model = NotificationEndpoint
        fields = [
            "endpoint_id",
            "kind",
            "address",
            "name",
            "order",
            "enabled",
            "verified_at",
            "quiet_from",
            "quiet_until",
            "tells_faults",
            "tells_outcomes",
            "created_at",
        ]
        read_only_fields = ["endpoint_id", "kind", "verified_at", "created_at"]

    def get_address(self, endpoint: NotificationEndpoint) -> str:
        return shown_address(endpoint)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        begins = attrs.get("quiet_from", getattr(self.instance, "quiet_from", None))
        ends = attrs.get("quiet_until", getattr(self.instance, "quiet_until", None))
        if (begins is None) != (ends is None):
            raise serializers.ValidationError({"quiet_until": "quiet hours have a beginning and an end, or neither"})
        return attrs


class OrderSerializer(serializers.Serializer[Any]):
    endpoint_ids = serializers.ListField(child=serializers.IntegerField(), max_length=50)


class CodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=16)


class ChannelsSerializer(serializers.Serializer[Any]):
    """Which kinds this installation can send by, and the key that a browser subscribes with."""

    kinds = serializers.ListField(child=serializers.ChoiceField(choices=ChannelKind.choices))
    web_push_key = serializers.CharField(allow_blank=True)
    messengers = serializers.ListField(child=serializers.CharField())


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    result = serializers.CharField(allow_null=True, help_text="of the last try")
    code = serializers.CharField(allow_null=True, help_text="the carrier's own")

    class Meta:
        model = Notification
        fields = [
            "notification_id",
            "endpoint_id",
            "kind",
            "purpose",
            "log_id",
            "state",
            "tries",
            "due_at",
            "created_at",
            "sent_at",
            "received_at",
            "result",
            "code",
        ]


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=500)


class AnswerSerializer(serializers.Serializer[Any]):
    log_id = serializers.IntegerField()
    status = serializers.CharField()
    is_yours = serializers.BooleanField()
