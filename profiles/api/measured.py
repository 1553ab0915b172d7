"""How measurements look in the REST API.

Written by hand, since 400 points by serializers take 40 ms; the serializers below say the same in the schema.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from profiles.trends import Measured, Period


class CallsSerializer(serializers.Serializer[Any]):
    """Calls of a database or of HTTP servers."""

    count = serializers.IntegerField()
    total_us = serializers.IntegerField()


class MeasuredSerializer(serializers.Serializer[Any]):
    """All requests, tasks or calls, profiled or not."""

    count = serializers.IntegerField()
    errors = serializers.IntegerField(help_text="unhandled exceptions and statuses of 500 and more")  # type: ignore[assignment]
    error_rate = serializers.FloatField(help_text="0 to 1")
    timed = serializers.IntegerField(
        help_text="how many the times are of: those that no precise profiler slowed"
    )
    sum_us = serializers.IntegerField()
    mean_us = serializers.FloatField(allow_null=True)
    p50_us = serializers.FloatField(allow_null=True, help_text="percentiles are at most 1 % off")
    p95_us = serializers.FloatField(allow_null=True)
    p99_us = serializers.FloatField(allow_null=True)
    counters = serializers.DictField(child=CallsSerializer(), help_text="by type: `db`, `http`")


def measured_fields(measured: Measured) -> dict[str, Any]:
    """What MeasuredSerializer describes."""
    return {
        "count": measured.count,
        "errors": measured.errors,
        "error_rate": measured.error_rate,
        "timed": measured.timed,
        "sum_us": measured.sum_us,
        "mean_us": measured.mean_us,
        "p50_us": measured.p50_us,
        "p95_us": measured.p95_us,
        "p99_us": measured.p99_us,
        "counters": {
            name: {"count": calls.count, "total_us": calls.total_us}
            for name, calls in measured.counters.items()
        },
    }


def period_fields(period: Period) -> dict[str, str | datetime]:
    """What asked.PeriodSerializer describes."""
    return {"grain": period.grain.value, "start": period.start, "end": period.end}
