"""In which time zone a page shows its times."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from typing import Any

from projects.models import Project


def zone_of(user: Any, project: Project | None = None) -> zoneinfo.ZoneInfo:
    """The user's own zone, else the project's, else UTC. One unknown to this machine counts as none."""
    return _first(user.time_zone, project.time_zone if project else "")


def zone_of_project(project: Project) -> zoneinfo.ZoneInfo:
    """The zone whose hours and days the project's measurements are kept by."""
    return _first(project.time_zone)


def in_zone(at: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """A time by the clocks of a zone. MongoDB's come without one and are UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(zone)


def in_full(local: datetime) -> str:
    """A time that nobody takes for another: `2026-03-02 02:15:00 Asia/Kathmandu (UTC+05:45)`."""
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzinfo} (UTC{offset[:3]}:{offset[3:5]})"


def _first(*names: str) -> zoneinfo.ZoneInfo:
    for name in names:
        try:
            return zoneinfo.ZoneInfo(name)
        except (ValueError, zoneinfo.ZoneInfoNotFoundError):
            continue
    return zoneinfo.ZoneInfo("UTC")
