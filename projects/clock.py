"""In which time zone a page shows its times."""

from __future__ import annotations

import zoneinfo
from typing import Any

from projects.models import Project


def zone_of(user: Any, project: Project | None = None) -> zoneinfo.ZoneInfo:
    """The user's own zone, else the project's, else UTC. One unknown to this machine counts as none."""
    return _first(user.time_zone, project.time_zone if project else "")


def zone_of_project(project: Project) -> zoneinfo.ZoneInfo:
    """The zone whose hours and days the project's measurements are kept by."""
    return _first(project.time_zone)


def _first(*names: str) -> zoneinfo.ZoneInfo:
    for name in names:
        try:
            return zoneinfo.ZoneInfo(name)
        except (ValueError, zoneinfo.ZoneInfoNotFoundError):
            continue
    return zoneinfo.ZoneInfo("UTC")
