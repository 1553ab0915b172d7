"""Stretches of time that measurements are kept by: minutes, hours and days, the latter two in a time zone.

All instants are aware and in UTC. A stretch is named by its start; every minute lies in one hour and one day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
MOST_POINTS: Final = 400

# The documents of one minute go together, so what is computed from them is computed from all of them.
LEDGER_LIFETIME: Final = timedelta(hours=12)


class Grain(StrEnum):
    """How long a stretch is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


LIFETIMES: Final = {
    Grain.MINUTE: timedelta(days=2),
    Grain.HOUR: timedelta(days=90),
    Grain.DAY: timedelta(days=2 * 365),
}
# Days are at least so long, so that no period has more points than it may.
_SHORTEST: Final = {Grain.MINUTE: MINUTE, Grain.HOUR: HOUR, Grain.DAY: timedelta(hours=23)}


def start_of(grain: Grain, instant: datetime, zone: ZoneInfo) -> datetime:
    """Return when the minute, hour or day of an instant began by the clocks of `zone`."""
    if grain is Grain.DAY:
        return _start_of_date(instant.astimezone(zone), zone)
    minute = instant.astimezone(UTC).replace(second=0, microsecond=0)
    return minute if grain is Grain.MINUTE else _start_of_hour(minute, zone)


def end_of(grain: Grain, start: datetime, zone: ZoneInfo) -> datetime:
    """Return when the stretch that begins at `start` ends, which is when the next one begins."""
    if grain is Grain.DAY:
        # Noon of the next day exists in every zone and year.
        return _start_of_date((start.astimezone(zone) + timedelta(days=1)).replace(hour=12), zone)
    if grain is Grain.MINUTE:
        return start + MINUTE
    full = start - timedelta(minutes=start.astimezone(zone).minute) + HOUR
    return _change_between(start, full - MINUTE, zone) or full


def finest(period: timedelta, most: int = MOST_POINTS, *, age: timedelta = timedelta(0)) -> Grain:
    """Return the finest grain that cuts a period into at most so many points; days if none does.

    `age` is how long ago the period began: what is not kept for so long is not chosen.
    """
    fitting = (grain for grain in Grain if period <= most * _SHORTEST[grain] and age <= LIFETIMES[grain])
    return next(fitting, Grain.DAY)


def starts(grain: Grain, first: datetime, end: datetime, *, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the starts of all stretches from the one that `first` lies in up to the last before `end`."""
    start = start_of(grain, first, zone)
    while start < end:
        yield start
        start = end_of(grain, start, zone)


def _start_of_date(local: datetime, zone: ZoneInfo) -> datetime:
    # A midnight that clocks skip is, by the offset before, the very instant at which they do.
    return datetime(local.year, local.month, local.day, tzinfo=zone).astimezone(UTC)


def _start_of_hour(minute: datetime, zone: ZoneInfo) -> datetime:
    start = minute - timedelta(minutes=minute.astimezone(zone).minute)
    # Where clocks change by half an hour (Lord Howe), the hour ends at the change and the next begins there.
    return _change_between(start, minute, zone) or start


def _change_between(first: datetime, last: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first minute after `first`, up to `last`, at which clocks are changed; None without one."""
    before = first.astimezone(zone).utcoffset()
    if last <= first or last.astimezone(zone).utcoffset() == before:
        return None
    while last - first > MINUTE:
        middle = first + (last - first) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        if middle.astimezone(zone).utcoffset() == before:
            first = middle
        else:
            last = middle
    return last
