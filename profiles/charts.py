"""What static/charts.js draws: lines over time in one unit, and when versions were deployed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from profiles.timeline import Timeline
from profiles.trends import Measured
from projects.deploys import DeployMark


class Unit(StrEnum):
    """How numbers are written: microseconds, per minute, or a share from 0 to 1."""

    DURATION = "duration"
    RATE = "rate"
    SHARE = "share"


@dataclass(frozen=True)
class Line:
    """One value for each stretch, None for a gap; `look` is a class of app.css and a colour of charts.js."""

    name: str
    look: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """`id` is unique in its page. The stretches lie between `edges`: one more than values of a line."""

    id: str
    title: str
    unit: Unit
    lines: Sequence[Line]
    edges: Sequence[datetime]
    zone: ZoneInfo
    marks: Sequence[DeployMark] = ()

    @property
    def data_id(self) -> str:
        return f"{self.id}-data"

    def data(self) -> dict[str, Any]:
        """For `json_script`: instants are milliseconds since 1970."""
        return {
            "unit": self.unit,
            "zone": str(self.zone),
            "edges": [_milliseconds(edge) for edge in self.edges],
            "lines": [
                {"name": line.name, "look": line.look, "values": [_short(value) for value in line.values]}
                for line in self.lines
            ],
            "marks": [
                {"at": _milliseconds(mark.at), "name": mark.version, "environment": mark.environment}
                for mark in self.marks
            ],
            "words": {"deployed": _("Deployed")},
        }


def over_time(timeline: Timeline, *, zone: ZoneInfo, marks: Sequence[DeployMark] = ()) -> list[Chart]:
    """Latency of what no precise profiler slowed, throughput and error rate, for a page's `_chart.html`."""

    def chart(chart_id: str, title: str, unit: Unit, *lines: Line) -> Chart:
        return Chart(chart_id, title, unit, lines, timeline.edges, zone, marks)

    return [
        chart(
            "latency",
            _("Latency"),
            Unit.DURATION,
            Line("p50", "p50", _values(timeline, lambda measured: measured.p50_us)),
            Line("p95", "p95", _values(timeline, lambda measured: measured.p95_us)),
            Line("p99", "p99", _values(timeline, lambda measured: measured.p99_us)),
        ),
        chart(
            "throughput",
            _("Throughput"),
            Unit.RATE,
            Line(_("per minute"), "count", [stretch.per_minute for stretch in timeline.stretches]),
        ),
        chart(
            "errors",
            _("Error rate"),
            Unit.SHARE,
            Line(_("failed"), "error", _values(timeline, lambda measured: measured.error_rate)),
        ),
    ]


def _values(timeline: Timeline, of: Callable[[Measured], float | None]) -> list[float | None]:
    return [of(stretch.measured) if stretch.measured else None for stretch in timeline.stretches]


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _short(value: float | None) -> float | None:
    """Four digits that matter: more would only lengthen the page."""
    return None if value is None else float(f"{value:.4g}")
