"""Which two versions are compared, where and when, and what is read for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bson import ObjectId

from profiles import function_changes, versus
from profiles.forest import ENGINES
from profiles.function_changes import FunctionChanges, FunctionTimes, Seen
from profiles.grain import MINUTE
from profiles.models import Digest, Instance, Rollup
from profiles.rollup import EndpointKey
from profiles.trends import MOST_STRETCHES, Period
from profiles.verdict import Caution, Warned
from profiles.versus import Comparison
from projects.deploys import Arrival
from projects.models import Deploy, Project, Version

# Each costs two reads of its minutes, about 10 ms; of further ones the hours or days of the table must do.
MOST_LOOKED_INTO: Final = 10
# Of an engine that was not told otherwise, in microseconds.
INTERVALS_US: Final = {"sampler": 10_000, "pyinstrument": 1_000}


@dataclass(frozen=True)
class Subject:
    """One side: a version in an environment (None: in all of them) and a period."""

    version_id: ObjectId
    version_name: str
    environment: str | None
    period: Period

    @classmethod
    def of(
        cls,
        version: Version,
        environment: str | None,
        *,
        start: datetime,
        end: datetime,
        now: datetime,
        zone: ZoneInfo,
        moves: bool,
    ) -> Subject:
        """A version's figures from `start` to `end`.

        One that `moves` ends with the version, and is as long: of a version that was replaced a week ago its
        own last day is looked at, not yesterday.
        """
        if moves and (last := version.last_seen_at + MINUTE) < end:
            start, end = last - (end - start), last
        return cls(
            version.pk,
            version.name,
            environment,
            Period.of(start, end, now=now, zone=zone, most=MOST_STRETCHES),
        )


class Chosen(NamedTuple):
    """Versions by id and the environment that both were in; None where there is no such version."""

    base: ObjectId | None
    head: ObjectId | None
    environment: str | None


def usual(arrivals: Sequence[Arrival], *, head: ObjectId | None, environment: str | None) -> Chosen:
    """What is compared where nothing else is said: the newest version with the one before it.

    `arrivals` are deploys, the newest first. The one before is what was deployed before `head` came into the
    same environment, whatever was rolled back since. Without an environment it is that of head's last deploy
    to one that had another version before.
    """
    there = [
        arrival
        for arrival in arrivals
        if environment in (None, arrival.environment) and head in (None, arrival.version_id)
    ]
    if not there:
        return Chosen(None, head, environment)
    newest = there[0].version_id
    found = [_with_before(arrivals, arrival) for arrival in there if arrival.version_id == newest]
    return next((chosen for chosen in found if chosen.base), found[0])


def _with_before(arrivals: Sequence[Arrival], arrival: Arrival) -> Chosen:
    """A deploy, and what was there before it."""
    before = (
        other.version_id
        for other in arrivals[arrivals.index(arrival) + 1 :]
        if other.environment == arrival.environment and other.version_id != arrival.version_id
    )
    return Chosen(next(before, None), arrival.version_id, arrival.environment)


def usual_of(project_id: ObjectId, *, head: ObjectId | None = None, environment: str | None = None) -> Chosen:
    """The same of a project's deploys. One read."""
    return usual(Deploy.objects.arrivals(project_id), head=head, environment=environment)


def compare(project_id: ObjectId, base: Subject, head: Subject, *, zone: ZoneInfo) -> Comparison:
    """Two reads of a rollup for each endpoint and stretch, two of processes, and few of suspects' minutes."""
    tables = [
        Rollup.objects.timed(
            project_id, period=side.period, version_id=side.version_id, environment=side.environment
        )
        for side in (base, head)
    ]
    looked: list[EndpointKey] = []

    def finer(endpoint: EndpointKey) -> tuple[list[int], list[int]]:
        if len(looked) >= MOST_LOOKED_INTO:
            return [], []
        looked.append(endpoint)
        return _minutes(project_id, endpoint, base), _minutes(project_id, endpoint, head)

    found = versus.compare(*tables, zone=zone, finer=finer)
    pythons = [
        Instance.objects.pythons(project_id, side.version_name, side.environment) for side in (base, head)
    ]
    if all(pythons) and not pythons[0] & pythons[1]:
        found = replace(found, warnings=[*found.warnings, Caution(Warned.PYTHON, {})])
    return found


def compare_functions(
    project: Project, endpoint: EndpointKey, base: Subject, head: Subject
) -> FunctionChanges:
    """The functions of an endpoint in the newest 500 profiles of the random share on each side.

    Of the first engine that saw both sides: times of different engines are never compared. Two reads each.
    """
    empty = function_changes.compare(Seen(0, []), Seen(0, []), interval_us=INTERVALS_US[ENGINES[0]])
    for engine in ENGINES:
        ours, theirs = (_seen(project.pk, endpoint, side, engine) for side in (base, head))
        if ours.profiles and theirs.profiles:
            return function_changes.compare(ours, theirs, interval_us=_interval_us(project, engine))
    return empty


def _minutes(project_id: ObjectId, endpoint: EndpointKey, side: Subject) -> list[int]:
    return Rollup.objects.newest_minutes(
        project_id,
        endpoint,
        version_id=side.version_id,
        environment=side.environment,
        period=side.period,
    )


def _seen(project_id: ObjectId, endpoint: EndpointKey, side: Subject, engine: str) -> Seen:
    found = Digest.objects.functions(
        project_id,
        endpoint,
        version_id=side.version_id,
        environment=side.environment,
        engine=engine,
        since=side.period.start,
    )
    times = [FunctionTimes(one.function, one.self_us, one.total_us) for one in found.functions]
    return Seen(found.profiles, times)


def _interval_us(project: Project, engine: str) -> int:
    told = project.sdk_settings.get("sample_interval") if engine == ENGINES[0] else None
    return round(told * 1_000_000) if told else INTERVALS_US[engine]
