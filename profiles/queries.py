"""What a list of profiles is asked for, and what it answers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from profiles.models import Profile

MOST_COUNTED: Final = 10_000
STATUS_ANY, STATUS_OK, STATUS_ERROR = "", "ok", "error"


class InvalidCursor(ValueError):
    """A cursor that no page of ours gave out."""


@dataclass(frozen=True, kw_only=True)
class ProfileFilters:
    """Which profiles of a project; what is empty filters nothing.

    `version` is a version's name; `status` is "ok", "error" (an unhandled exception or a status of 500 and
    more) or the digits of an HTTP status.
    """

    endpoint: str = ""
    kind: str = ""
    version: str = ""
    environment: str = ""
    status: str = STATUS_ANY
    min_duration_us: int | None = None

    def query(self) -> dict[str, Any]:
        """The filter in MongoDB's words."""
        named = {
            "endpoint": self.endpoint,
            "kind": self.kind,
            "version_name": self.version,
            "environment": self.environment,
        }
        found: dict[str, Any] = {column: text for column, text in named.items() if text}
        if self.status in (STATUS_OK, STATUS_ERROR):
            found["is_error"] = self.status == STATUS_ERROR
        elif self.status:
            found["status"] = int(self.status)
        if self.min_duration_us is not None:
            found["duration_us"] = {"$gte": self.min_duration_us}
        return found


@dataclass(frozen=True)
class ProfilePage:
    """A page of a list, newest first. `total` is exact up to 10,000."""

    items: list[Profile]
    next_cursor: str | None
    total: int
    total_is_capped: bool


@dataclass(frozen=True)
class FilterChoices:
    """What can be filtered by, each in alphabetical order."""

    endpoints: list[str]
    versions: list[str]
    environments: list[str]


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """The last profile of a page: the next one begins after it."""

    started_at_ms: int
    profile_id: str

    @classmethod
    def after(cls, profile: Profile) -> Cursor:
        return cls(round(profile.started_at.timestamp() * 1000), profile.pk)

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Raises InvalidCursor."""
        try:
            cursor = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=cls)
            cursor.query()
        except (ValueError, msgspec.DecodeError, OverflowError, OSError) as error:
            raise InvalidCursor from error
        return cursor

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    def query(self) -> dict[str, Any]:
        """What comes after, by `started_at` descending and `_id` ascending; one range of the index."""
        started_at = datetime.fromtimestamp(self.started_at_ms / 1000, UTC)
        later_ids = {"started_at": started_at, "_id": {"$gt": self.profile_id}}
        return {
            "started_at": {"$lte": started_at},
            "$or": [{"started_at": {"$lt": started_at}}, later_ids],
        }
