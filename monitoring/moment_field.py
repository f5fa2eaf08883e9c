"""A time in what people and programs send."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.timezone import is_naive
from rest_framework import serializers

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class MomentField(serializers.DateTimeField):
    """A time with an offset, of our age. One without would be taken as some time zone's by guess, and the end of all
    time cannot be shown in every zone."""

    def enforce_timezone(self, value: datetime) -> datetime:
        if is_naive(value):
            raise serializers.ValidationError("an offset is needed, such as +09:00")
        if not EARLIEST <= value <= LATEST:
            raise serializers.ValidationError("a time between 2000 and 2200")
        return super().enforce_timezone(value)
