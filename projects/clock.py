"""In which time zone a page shows its times."""

from __future__ import annotations

import zoneinfo
from typing import Any

from projects.models import Project


def zone_of(user: Any, project: Project | None = None) -> zoneinfo.ZoneInfo:
    """The user's own zone, else the project's, else UTC. One unknown to this machine counts as none."""
    for name in (user.time_zone, project.time_zone if project else ""):
        try:
            return zoneinfo.ZoneInfo(name)
        except (ValueError, zoneinfo.ZoneInfoNotFoundError):
            continue
    return zoneinfo.ZoneInfo("UTC")
