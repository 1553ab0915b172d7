"""How long a profile is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# An id that came is not forgotten before it could be sent again: it would be stored as new.
LEAST: Final = timedelta(hours=12)
# What people chose to keep, as long as the days around it are charted.
KEPT: Final = timedelta(days=730)
# For somebody who lets one go by mistake, long after its own time was over.
RELEASED: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """What decides how long a profile is kept, apart from the project's settings."""

    profile_id: str
    started_at: datetime
    received_at: datetime
    is_slowest: bool
    is_kept: bool


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A project's settings: days from arrival, and those of the slowest of each endpoint and version."""

    retention_days: int
    slowest_days: int

    def expires_at(self, received_at: datetime, *, is_slowest: bool = False) -> datetime:
        """Being slow never shortens a life."""
        days = max(self.retention_days, self.slowest_days) if is_slowest else self.retention_days
        return received_at + max(timedelta(days=days), LEAST)
