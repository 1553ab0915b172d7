"""Time that the server takes for each page and REST answer, over 100,000 and over a million profiles.

A request is timed from the moment that the server has it to the last byte of its answer, in one process:
middleware, session, queries and the template are in it, and the part that waits for MongoDB is told beside.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from pymongo import monitoring

from benchmarks.ingest import run, server_versions, use_own_database
from benchmarks.support import history
from benchmarks.support.recordings import Mixture, record
from benchmarks.support.report import Report, percentile

if TYPE_CHECKING:
    from django.test import Client

    from projects.models import Project, User

ROWS = 1_000_000
QUICK_ROWS = 10_000
QUICK_DAYS = 3
FEWER = 10
TIMES, QUICK_TIMES = 60, 8
WARM_UP = 5
LIST_MS, TREE_MS, PROJECT_MS, COMPARE_MS = 50, 100, 150, 300
GROWTH = 1.5
# What a part of a millisecond makes of a ratio says nothing.
LEAST_MS = 1.0


class Waiting(monitoring.CommandListener):
    """How long this process has waited for MongoDB."""

    def __init__(self) -> None:
        self.milliseconds = 0.0

    def started(self, event: monitoring.CommandStartedEvent) -> None: ...

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.milliseconds += event.duration_micros / 1_000

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


WAITING = Waiting()


class Asked(NamedTuple):
    """What is asked for: a path for each of many requests, and how long one may take."""

    name: str
    limit_ms: float
    path: Callable[[], str]


@dataclass
class Taken:
    """How long requests took, in milliseconds, and how much of it was spent waiting for MongoDB."""

    whole_ms: list[float] = field(default_factory=list)
    waiting_ms: list[float] = field(default_factory=list)

    @property
    def p95_ms(self) -> float:
        return percentile(self.whole_ms, 0.95)


def main() -> None:
    options = read_arguments()
    use_own_database()
    monitoring.register(WAITING)  # before the first client is made
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    run([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
    report = Report("queries")
    try:
        measure(report, rows=options.rows, quick=options.quick)
        report.write(options.json, versions=server_versions())
    finally:
        from perfplatform import mongo

        mongo.database().client.drop_database(mongo.database().name)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench queries", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="three days and fewer profiles, within a minute")
    parser.add_argument("--rows", type=int, default=0, help=f"the most profiles ({ROWS})")
    return parser.parse_args()


def measure(report: Report, *, rows: int, quick: bool) -> None:
    from django.test import Client

    from projects.models import Project, User

    rows = rows or (QUICK_ROWS if quick else ROWS)
    owner = User.objects.create_user(username="bench")
    project = Project.objects.start("Bench", owner=owner)
    client = Client(HTTP_HOST="127.0.0.1", HTTP_AUTHORIZATION=f"Bearer {token_of(owner)}")
    client.force_login(owner)
    now = history.this_minute()
    runs = history.releases(project, days=QUICK_DAYS if quick else history.DAYS, now=now)
    session = record(lambda: Client(HTTP_HOST="127.0.0.1").get("/api/v1/schema/"), 2_000)
    opened = store_opened(project, session)
    history.write_measurements(runs, session, now=now)
    templates = stored_templates(opened[0])
    asked = list(requests(project, opened))
    found: dict[int, dict[str, Taken]] = {}
    before = 0
    for count in (rows // FEWER, rows):
        history.write_profiles(runs, count - before, **templates, seed=count)
        before = count
        settle()
        found[count] = {one.name: take(client, one, QUICK_TIMES if quick else TIMES) for one in asked}
    tell(report, asked, found)


def store_opened(project: Project, session: dict[str, Any]) -> list[str]:
    """Profiles with their recordings, stored by ingest; returns their ids. Their digests are made, too."""
    import gzip

    from django.utils import timezone

    from profiles import ingest, wire
    from profiles.fold.digests import fold_digests
    from profiles.fold.turn import Turn
    from profiles.shard import shard_of

    mixture, ids = Mixture(session), []
    for number in range(4):
        body = mixture.body("f" * 32, seq=number + 1, now=datetime.now(UTC))
        ingest.record_batch(project, wire.decode(gzip.decompress(body.content)), now=timezone.now())
        ids += body.ids
    turn = Turn(shard_of(project.pk), owner="bench", clock=timezone.now, seconds=3_600)
    while fold_digests(turn):
        pass
    return ids


def stored_templates(profile_id: str) -> dict[str, Any]:
    from perfplatform import mongo
    from profiles.models import Digest, Profile

    found = [mongo.collection(model).find_one({"_id": profile_id}) for model in (Profile, Digest)]
    assert all(found)
    return dict(zip(("profile", "digest"), found, strict=True))


def token_of(owner: User) -> str:
    from projects.models import Token

    _token, secret = Token.issue(owner, name="bench")
    return secret


def requests(project: Project, opened: Sequence[str]) -> Iterator[Asked]:
    """Everything that a page or the API reads of what grows. Each request asks for something else."""
    from urllib.parse import urlencode

    from django.urls import reverse

    random = Random(7)

    def page(name: str, *argument: Any, **query: Any) -> Callable[[], str]:
        def path() -> str:
            chosen = {key: value() if callable(value) else value for key, value in query.items()}
            return f"{reverse(name, args=argument)}?{urlencode(chosen)}"

        return path

    def version() -> str:
        return random.choice(history.VERSIONS)

    def route() -> str:
        return history.route(random.choices(range(history.ENDPOINTS), history.WEIGHTS)[0])

    slug, key = project.slug, str(project.pk)
    one = {"kind": "request", "method": "GET", "route": route}
    yield Asked("projects", LIST_MS, page("projects:list"))
    for period in ("24h", "7d", "30d"):
        yield Asked(f"project, {period}", PROJECT_MS, page("profiles:project", slug, period=period))
        yield Asked(f"endpoints, {period}", LIST_MS, page("profiles:endpoints", slug, period=period))
        yield Asked(f"endpoint, {period}", TREE_MS, page("profiles:endpoint", slug, period=period, **one))
        yield Asked(f"functions, {period}", LIST_MS, page("profiles:functions", slug, period=period))
        yield Asked(f"API stats, {period}", LIST_MS, page("api-stats", key, period=period))
        yield Asked(f"API endpoints, {period}", LIST_MS, page("api-endpoints", key, period=period))
        yield Asked(f"API functions, {period}", LIST_MS, page("api-functions", key, period=period))
        yield Asked(f"API merged tree, {period}", TREE_MS, page("api-tree-folded", key, period=period, **one))
    yield Asked(
        "endpoints of a version", LIST_MS, page("profiles:endpoints", slug, period="30d", version=version)
    )
    yield Asked(
        "functions of a version", LIST_MS, page("profiles:functions", slug, period="30d", version=version)
    )
    yield Asked("API stats by version", LIST_MS, page("api-stats", key, period="30d", group_by="version"))
    two = {"base": history.VERSIONS[-2], "head": history.VERSIONS[-1]}
    for period in ("24h", "30d"):
        yield Asked(f"compare, {period}", COMPARE_MS, page("profiles:compare", slug, period=period, **two))
    yield Asked("compare an endpoint", COMPARE_MS, page("profiles:compare", slug, period="24h", **two, **one))
    yield Asked("API compare", COMPARE_MS, page("api-compare", key, period="24h", page_size=100, **two))
    yield Asked(
        "API compare functions", COMPARE_MS, page("api-compare-functions", key, period="24h", **two, **one)
    )
    for name, query in (
        ("newest", {}),
        ("slowest", {"order": "slowest"}),
        ("of an endpoint", {"endpoint": route}),
        ("slowest of an endpoint", {"endpoint": route, "order": "slowest"}),
        ("of a version", {"version": version}),
        ("slowest of a version", {"version": version, "order": "slowest"}),
        ("of an endpoint and version", {"endpoint": route, "version": version}),
        ("failed", {"status": "error"}),
        ("by exception", {"exception": "KeyError"}),
        ("by tag", {"tag": "plan=large"}),
        ("of a host", {"host": lambda: f"web-{random.randrange(history.HOSTS)}"}),
    ):
        yield Asked(f"profiles, {name}", LIST_MS, page("profiles:profiles", slug, **query))
        yield Asked(f"API profiles, {name}", LIST_MS, page("api-profiles", key, **query))
    yield Asked("profile", TREE_MS, lambda: reverse("profiles:detail", args=[random.choice(opened)]))
    yield Asked("ingest health", LIST_MS, page("profiles:health", slug))
    yield Asked("instances", LIST_MS, page("profiles:instances", slug))


def settle() -> None:
    """Everything written is on the disk before anything is timed."""
    from perfplatform import mongo

    mongo.database().client.admin.command("fsync")


def take(client: Client, asked: Asked, times: int) -> Taken:
    taken = Taken()
    for number in range(times + WARM_UP):
        path = asked.path()
        WAITING.milliseconds = 0.0
        began = time.perf_counter()
        answer = client.get(path)
        read = answer.getvalue()
        whole_ms = (time.perf_counter() - began) * 1_000
        if answer.status_code != 200 or not read:
            raise SystemExit(f"{path} was answered with {answer.status_code}.")
        if number >= WARM_UP:
            taken.whole_ms.append(whole_ms)
            taken.waiting_ms.append(WAITING.milliseconds)
    return taken


def tell(report: Report, asked: Sequence[Asked], found: dict[int, dict[str, Taken]]) -> None:
    fewer, most = found
    for one in asked:
        few, many = found[fewer][one.name], found[most][one.name]
        ratio = many.p95_ms / max(few.p95_ms, LEAST_MS)
        report.rows.append(
            {
                "what": one.name,
                "p50_ms": round(percentile(many.whole_ms, 0.5), 1),
                "p95_ms": round(many.p95_ms, 1),
                "mongodb_p95_ms": round(percentile(many.waiting_ms, 0.95), 1),
                "times_as_long_as_with_a_tenth": round(ratio, 2),
            }
        )
        report.at_most(one.name, many.p95_ms, limit=one.limit_ms, unit="ms")
        report.at_most(f"{one.name}, growth", ratio, limit=GROWTH, unit="ratio")


if __name__ == "__main__":
    main()
