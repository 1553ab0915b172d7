"""What a list of profiles is asked for, and what it answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from profiles import labels

if TYPE_CHECKING:
    from profiles.models import Profile

MOST_COUNTED: Final = 10_000
STATUS_ANY, STATUS_OK, STATUS_ERROR = "", "ok", "error"


class InvalidCursor(ValueError):
    """A cursor that no page of ours gave out."""


class TooManyToSearch(Exception):
    """The filters leave so much to look through that the list was given up. Narrower ones help."""


class Order(StrEnum):
    """How a list is sorted: the greatest value of a column first."""

    NEWEST = "newest"
    SLOWEST = "slowest"

    @property
    def column(self) -> str:
        return "started_at" if self is Order.NEWEST else "duration_us"


class Served(msgspec.Struct, frozen=True):
    """A filter and an order that an index answers: it finds the profiles and has them in this order."""

    filter: str
    order: Order
    index: str


# Every filter and order that is answered at once, however many profiles there are; "" is no filter at all. A
# range of the order's own column (a period with NEWEST, a duration with SLOWEST) goes with each. All else is
# looked for along the nearest of these indexes, for a limited time: TooManyToSearch.
SERVED: Final = (
    Served("", Order.NEWEST, "profile_newest"),
    Served("", Order.SLOWEST, "profile_slowest"),
    Served("endpoint", Order.NEWEST, "profile_endpoint_newest"),
    Served("endpoint", Order.SLOWEST, "profile_endpoint_slowest"),
    Served("version", Order.NEWEST, "profile_version_newest"),
    Served("version", Order.SLOWEST, "profile_version_slowest"),
    Served("environment", Order.NEWEST, "profile_environment"),
    Served("host", Order.NEWEST, "profile_host"),
    Served("kind", Order.NEWEST, "profile_labels"),
    Served("status", Order.NEWEST, "profile_labels"),
    Served("exception", Order.NEWEST, "profile_labels"),
    Served("trigger", Order.NEWEST, "profile_labels"),
    Served("tag", Order.NEWEST, "profile_labels"),
    Served("trace_id", Order.NEWEST, "profile_labels"),
)


@dataclass(frozen=True, kw_only=True)
class ProfileFilters:
    """Which profiles of a project; what is empty filters nothing.

    `method` goes with `endpoint`; `version` is a version's name; `status` is "ok", "error" (an unhandled
    exception or a status of 500 and more) or the digits of an HTTP status; `exception` is the qualified name
    of an exception; `tag` is `name=value`. `since` is part of the period, `until` is not.
    """

    endpoint: str = ""
    method: str = ""
    kind: str = ""
    version: str = ""
    environment: str = ""
    status: str = STATUS_ANY
    exception: str = ""
    trigger: str = ""
    tag: str = ""
    trace_id: str = ""
    host: str = ""
    min_duration_us: int | None = None
    max_duration_us: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> dict[str, Any]:
        """The filter in MongoDB's words."""
        named = {
            "endpoint": self.endpoint,
            "method": self.method,
            "version_name": self.version,
            "environment": self.environment,
            "hostname": self.host,
        }
        found: dict[str, Any] = {column: text for column, text in named.items() if text}
        found |= self._usual()
        if wanted := list(self._labels()):
            found["labels"] = wanted[0] if len(wanted) == 1 else {"$all": wanted}
        for column, least, bound, most in (
            ("duration_us", self.min_duration_us, "$lte", self.max_duration_us),
            ("started_at", self.since, "$lt", self.until),
        ):
            ends = {"$gte": least, bound: most}
            if limits := {end: value for end, value in ends.items() if value is not None}:
                found[column] = limits
        return found

    def _usual(self) -> dict[str, Any]:
        """What most profiles are has no label, and is soon met wherever one looks."""
        found: dict[str, Any] = {}
        if self.kind == labels.USUAL_KIND:
            found["kind"] = self.kind
        if self.trigger == labels.USUAL_TRIGGER:
            found["trigger"] = self.trigger
        if self.status == STATUS_OK:
            found["is_error"] = False
        elif self.status == str(labels.USUAL_STATUS):
            found["status"] = labels.USUAL_STATUS
        return found

    def _labels(self) -> Iterator[str]:
        if self.trace_id:
            yield labels.of_trace(self.trace_id)
        if self.tag:
            yield labels.of_tag(self.tag)
        if self.exception:
            yield labels.of_exception(self.exception)
        if self.status == STATUS_ERROR:
            yield labels.FAILED
        elif self.status not in (STATUS_ANY, STATUS_OK, str(labels.USUAL_STATUS)):
            yield labels.of_status(int(self.status))
        if self.trigger not in ("", labels.USUAL_TRIGGER):
            yield labels.of_trigger(self.trigger)
        if self.kind not in ("", labels.USUAL_KIND):
            yield labels.of_kind(self.kind)


@dataclass(frozen=True)
class ProfilePage:
    """A page of a list. `total` is exact unless it is capped: then there are at least so many."""

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
    hosts: list[str]


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended: at which value of the order's column, and how many of this value were shown.

    Profiles of equal value come as the index holds them, in the order in which they were stored. So the
    indexes need not carry the ids, which would be half of their size.
    """

    order: Order
    value: int  # Milliseconds since 1970, or microseconds of duration.
    shown: int

    @classmethod
    def read(cls, text: str, order: Order) -> Cursor:
        """The cursor of a list in this order. Raises InvalidCursor."""
        try:
            cursor = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=cls)
            cursor.query()
        except (ValueError, msgspec.DecodeError, OverflowError, OSError) as error:
            raise InvalidCursor from error
        if cursor.order is not order or not 0 <= cursor.shown < 2**31 or abs(cursor.value) >= 2**63:
            raise InvalidCursor
        return cursor

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    def query(self) -> dict[str, Any]:
        """All that does not come before this value: one range of the index, of which `shown` are skipped."""
        if self.order is Order.SLOWEST:
            return {"duration_us": {"$lte": self.value}}
        return {"started_at": {"$lte": datetime.fromtimestamp(self.value / 1000, UTC)}}
