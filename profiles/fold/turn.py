"""One worker's turn on one shard: whose it is, how long it lasts, and what its steps have in common."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import zstandard
from bson import ObjectId
from bson.errors import BSONError

from profiles.models import Lease
from profiles.packed import Corrupt
from projects.models import Project

logger = logging.getLogger(__name__)

# What stored data can do to a computation, as opposed to a server that is away.
DATA_ERRORS = (
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    BSONError,
    Corrupt,
    msgspec.MsgspecError,
    zstandard.ZstdError,
)
RENEW_SECONDS = 10


class LeaseLost(Exception):
    """Another worker has the shard by now."""


class Turn:
    """Steps ask `goes_on` before each piece of work. `clock` says what time it is."""

    def __init__(self, shard: int, *, owner: str, clock: Callable[[], datetime], seconds: float) -> None:
        self.shard = shard
        self.clock = clock
        self._owner = owner
        self._ends_at = time.monotonic() + seconds
        self._renewed_at = time.monotonic()
        self._zones: dict[ObjectId, ZoneInfo | None] = {}

    def goes_on(self) -> bool:
        """Whether there is time left. Keeps the lease, or raises LeaseLost."""
        self.keep()
        return time.monotonic() < self._ends_at

    def keep(self) -> None:
        """Renew the lease if it is time, in the midst of long work. Raises LeaseLost."""
        now = time.monotonic()
        if now - self._renewed_at >= RENEW_SECONDS:
            if not Lease.objects.take(lease_name(self.shard), self._owner):
                raise LeaseLost
            self._renewed_at = now

    def zone(self, project_id: ObjectId) -> ZoneInfo | None:
        """A project's time zone, UTC if unknown here; None if the project is gone or going."""
        if project_id not in self._zones:
            kept = Project.objects.exclude(status=Project.Status.DELETING)
            project = kept.filter(pk=project_id).only("time_zone").first()
            self._zones[project_id] = _zone(project.time_zone) if project else None
        return self._zones[project_id]

    @contextmanager
    def apart(self, what: object) -> Iterator[list[Exception]]:
        """What data of one project does to a computation ends it and is logged; others are not held up."""
        troubles: list[Exception] = []
        try:
            yield troubles
        except DATA_ERRORS as error:
            logger.exception("could not fold %s", what)
            troubles.append(error)


def lease_name(shard: int) -> str:
    return f"fold:{shard}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError):
        return ZoneInfo("UTC")
