"""The past of a project: 30 days of an app with 200 endpoints in five versions, as the fold leaves it behind.

A few stretches of each length are written by the managers themselves, from requests that are drawn and from
recordings of a real one; all others are copies of these under other times, which takes a tenth of the time.
Ten processes serve 20 requests a second, spread over the endpoints by Zipf's law.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.support.report import say

if TYPE_CHECKING:
    from perfplatform.mongo import Document
    from profiles.calltree import CallTree
    from profiles.grain import Grain
    from profiles.rollup import Rollups
    from profiles.scope import Scope
    from projects.models import Project

ENDPOINTS = 200
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
ENVIRONMENT = "production"
DAYS = 30
REQUESTS_PER_S = 20
SAMPLES_PER_S = 20
HOSTS = 10
# Stretches of each length that are made rather than copied, and trees of each endpoint.
MADE = 6
TREES = 3
WINDOW = 129
INSERTED_AT_ONCE = 2_000
DRAWN_AT_MOST = 300
SHARE_SAMPLED = 0.8
WEIGHTS = [1 / number for number in range(1, ENDPOINTS + 1)]


class Release(NamedTuple):
    """A version, and the days that it ran."""

    scope: Scope
    start: datetime
    end: datetime


def route(number: int) -> str:
    return f"/endpoint/{number}/<int:item>"


def releases(project: Project, *, days: int, now: datetime) -> list[Release]:
    """The versions of a project, one after the other up to now."""
    from profiles.scope import Scope
    from projects.models import Version

    began = (now - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    each = (now - began) / len(VERSIONS)
    found = []
    for number, name in enumerate(VERSIONS):
        version = Version.objects.create(project=project, name=name)
        scope = Scope(project.pk, version.pk, name, ENVIRONMENT)
        found.append(Release(scope, began + number * each, began + (number + 1) * each))
    return found


def write_measurements(runs: Sequence[Release], session: dict[str, Any], *, now: datetime) -> None:
    """Rollups by minutes, hours and days; call trees and sums of functions by hours and days; names."""
    from profiles.grain import LIFETIMES, Grain
    from profiles.models import EndpointName

    random = Random(1)
    trees = make_trees(session, random)
    for run in runs:
        EndpointName.objects.admit(run.scope, list(endpoints()), minute=run.start)
        for grain in Grain:
            began = max(run.start, now - LIFETIMES[grain])
            starts = list(stretches(grain, began, min(run.end, now)))
            if not starts:
                continue
            made = starts[:MADE]
            for start in made:
                write_rollups(run.scope, grain, start, random)
                if grain is not Grain.MINUTE:
                    write_trees(run.scope, grain, start, random.choice(trees))
            copy(run.scope, grain, made, starts[MADE:])
        say(f"measurements of version {run.scope.version_name} written")


def endpoints() -> Iterator[Any]:
    from profiles.rollup import EndpointKey

    return (EndpointKey("request", "GET", route(number)) for number in range(ENDPOINTS))


def stretches(grain: Grain, began: datetime, end: datetime) -> Iterator[datetime]:
    from zoneinfo import ZoneInfo

    from profiles import grain as grains

    return grains.starts(grain, began, end, zone=ZoneInfo("UTC"))


def write_rollups(scope: Scope, grain: Grain, start: datetime, random: Random) -> None:
    from profiles import rollup
    from profiles.models import Rollup

    seconds = {"minute": 60, "hour": 3_600, "day": 86_400}[grain]
    found: Rollups = {}
    for number, key in enumerate(endpoints()):
        mean = REQUESTS_PER_S * seconds * WEIGHTS[number] / sum(WEIGHTS)
        count = max(0, round(random.gauss(mean, math.sqrt(mean))))
        if count:
            found[key] = measured(count, 2_000 * (1 + number % 40), random)
    sums = rollup.with_sums(found, {key: key for key in found})
    Rollup.objects.replace(scope, grain, start, rollups=sums, source=1)


def measured(count: int, median_us: int, random: Random) -> Any:
    """So many requests with lognormal times, of which at most 300 are drawn and count for the others."""
    from profiles import histogram
    from profiles.rollup import Calls, ClassTotals, Rollup

    drawn = min(count, DRAWN_AT_MOST)
    times = [round(random.lognormvariate(math.log(median_us), 0.5)) for _ in range(drawn)]
    counts: dict[int, int] = {}
    for time_us in times:
        bucket = histogram.index(time_us)
        counts[bucket] = counts.get(bucket, 0) + count // drawn
    total = sum(counts.values())
    sampler = ClassTotals(total, sum(times) * (count // drawn), histogram.lanes(counts.items()))
    calls = Calls(5 * count, 5 * count * 400)
    return Rollup(count, count // 200, {"sampler": sampler}, {"db": calls})


def make_trees(session: dict[str, Any], random: Random) -> list[dict[Any, CallTree]]:
    """Some hours' trees of all endpoints, merged from windows of a real recording."""
    from profiles import merged
    from profiles.forest import TreeKey

    records = session["frame_records"]
    windows = []
    for _ in range(60):
        start = random.randrange(len(records) - WINDOW)
        cut = {**session, "frame_records": records[start : start + WINDOW], "sample_count": WINDOW}
        windows.append(merged.from_recording(cut))
    return [
        {
            TreeKey(key.kind, key.method, key.route, "sampler"): merged.prune(
                merged.merge(random.sample(windows, 4))
            )
            for key in endpoints()
        }
        for _ in range(TREES)
    ]


def write_trees(scope: Scope, grain: Grain, start: datetime, trees: dict[Any, CallTree]) -> None:
    from profiles import function_sums
    from profiles.models import FunctionSums, TreeBlob

    sums = function_sums.sum_up(trees.items())
    FunctionSums.objects.replace(scope, grain, start, sums=sums, source=1)
    TreeBlob.objects.replace(scope, grain, start, trees=trees, source=1)


def copy(scope: Scope, grain: Grain, made: Sequence[datetime], starts: Sequence[datetime]) -> None:
    """Repeat what was made under other times, with the ids that it would have there."""
    from perfplatform import mongo
    from profiles.forest import TreeKey
    from profiles.grain import LIFETIMES
    from profiles.models import FunctionSums, Rollup, TreeBlob
    from profiles.rollup import EndpointKey
    from profiles.scope import document_id

    for model, suffix, names in (
        (Rollup, "", EndpointKey._fields),
        (TreeBlob, "_tree", TreeKey._fields),
        (FunctionSums, "_functions", ("engine",)),
    ):
        rows = mongo.collection(model)
        of_scope = {**scope.fields(), "grain": str(grain)}
        templates = [list(rows.find({**of_scope, "start": start})) for start in made]
        insert(
            rows,
            (
                {
                    **document,
                    "_id": document_id(scope, f"{grain}{suffix}", start, *(document[name] for name in names)),
                    "start": start,
                    "expires_at": start + LIFETIMES[grain],
                }
                for number, start in enumerate(starts)
                for document in templates[number % len(templates)]
            ),
        )


def insert(rows: Any, documents: Iterable[Document]) -> None:
    left = iter(documents)
    while some := list(islice(left, INSERTED_AT_ONCE)):
        rows.insert_many(some, ordered=False)


def write_profiles(
    runs: Sequence[Release], count: int, *, profile: Document, digest: Document, seed: int
) -> None:
    """Add so many profiles with their digests, spread over all versions; both documents are templates."""
    from perfplatform import mongo
    from profiles.models import Digest, Profile

    documents = islice(drawn_profiles(runs, profile, Random(seed)), count)
    done = 0
    while some := list(islice(documents, 100_000)):
        insert(mongo.collection(Profile), some)
        sampled = (row for row in some if row["trigger"] == "sampled")
        insert(mongo.collection(Digest), (digest_of(row, digest) for row in sampled))
        done += len(some)
        say(f"{done} of {count} profiles written")


def drawn_profiles(runs: Sequence[Release], template: Document, random: Random) -> Iterator[Document]:
    from profiles.labels import labels

    names = ("tags", "labels", "undigested")
    usual = {name: value for name, value in template.items() if name not in names}
    numbers = range(ENDPOINTS)
    while True:
        run = random.choice(runs)
        [number] = random.choices(numbers, WEIGHTS)
        started_at = run.start + random.random() * (run.end - run.start)
        failed = random.random() < 0.01
        trigger = "sampled" if random.random() < SHARE_SAMPLED else "error" if failed else "slow"
        host = random.randrange(HOSTS)
        found = {
            **usual,
            "_id": f"{random.getrandbits(128):032x}",
            "version_id": run.scope.version_id,
            "version_name": run.scope.version_name,
            "environment": run.scope.environment,
            "endpoint": route(number),
            "status": 500 if failed else 200,
            "error_type": random.choice(("ValueError", "KeyError", "TimeoutError")) if failed else "",
            "is_error": failed,
            "started_at": started_at,
            "received_at": started_at + timedelta(seconds=15),
            "expires_at": started_at + timedelta(days=60),
            "duration_us": round(random.lognormvariate(math.log(2_000 * (1 + number % 40)), 0.5)),
            "trigger": trigger,
            "hostname": f"web-{host}",
            "tags": {"plan": "large"} if random.random() < 0.02 else {},
        }
        rare = labels(found)
        yield {**found, "labels": rare} if rare else found


def digest_of(profile: Document, template: Document) -> Document:
    return {
        **template,
        "_id": profile["_id"],
        "version_id": profile["version_id"],
        "environment": profile["environment"],
        "route": profile["endpoint"],
        "started_at": profile["started_at"],
        "duration_us": profile["duration_us"],
        "expires_at": profile["expires_at"],
    }


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)
