"""JSON edges of the AI endpoints, as the contract names the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.timezone import is_naive
from rest_framework import serializers

from .artifact import LARGEST
from .models import AIWeight

if TYPE_CHECKING:
    from datetime import datetime


LARGEST_FIGURE = 1e15


class MomentField(serializers.DateTimeField):
    """A time with an offset. One without would be taken as some time zone's by guess, so it is refused."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if is_naive(value):
            raise serializers.ValidationError("an offset is needed, such as +09:00")
        return super().enforce_timezone(value)


class WeightSerializer(serializers.ModelSerializer[AIWeight]):
    senior_id = serializers.IntegerField(read_only=True)

    class Meta:
        model = AIWeight
        fields = ["weight_id", "senior_id", "version", "storage_path", "sha256", "size", "created_at"]
        read_only_fields = fields


class LiveWeightSerializer(WeightSerializer):
    """Weights that were live at a moment, and since when."""

    activated_at = serializers.DateTimeField(read_only=True)

    class Meta(WeightSerializer.Meta):
        fields = [*WeightSerializer.Meta.fields, "activated_at"]
        read_only_fields = fields


class RegistrationSerializer(serializers.ModelSerializer[AIWeight]):
    """What became of an application."""

    class Meta:
        model = AIWeight
        fields = ["weight_id", "version", "status", "reason"]
        read_only_fields = fields


class ApplicationSerializer(serializers.Serializer[Any]):
    senior_id = serializers.IntegerField(min_value=1)
    storage_path = serializers.CharField(max_length=300)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")
    size = serializers.IntegerField(min_value=1, max_value=LARGEST)
    trained_from = MomentField()
    trained_to = MomentField()
    metrics = serializers.DictField()

    def validate_metrics(self, metrics: dict[str, Any]) -> dict[str, Any]:
        if any(isinstance(value, int | float) and abs(value) > LARGEST_FIGURE for value in metrics.values()):
            raise serializers.ValidationError(f"figures are at most {LARGEST_FIGURE:g}")
        return metrics

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["trained_from"] > attrs["trained_to"]:
            raise serializers.ValidationError({"trained_to": "before trained_from"})
        return attrs


class VersionQuerySerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField(min_value=1, required=False)


class LiveQuerySerializer(serializers.Serializer[Any]):
    senior_id = serializers.IntegerField(min_value=1)
    at = MomentField()


class ReasonSerializer(serializers.Serializer[Any]):
    """A code with its numbers; the portal puts it into words."""

    code = serializers.RegexField(r"^[a-z][a-z0-9_]{0,63}$")
    values = serializers.DictField(required=False, default=dict)


class RiskSerializer(serializers.Serializer[Any]):
    senior_id = serializers.IntegerField(min_value=1)
    level = serializers.ChoiceField(choices=["normal", "watch", "warning", "emergency", "no_data"])
    score = serializers.FloatField(min_value=0.0, max_value=1.0)
    reasons = ReasonSerializer(many=True, required=False, default=list)
    episode = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True, default=None)
    observed_at = MomentField()
    weight_id = serializers.IntegerField(required=False, allow_null=True, default=None)


class RisksSerializer(serializers.Serializer[Any]):
    risks = serializers.ListField(child=RiskSerializer(), max_length=1000)


class RiskCountsSerializer(serializers.Serializer[Any]):
    updated = serializers.IntegerField()
    stale = serializers.IntegerField()
    unknown = serializers.IntegerField()
