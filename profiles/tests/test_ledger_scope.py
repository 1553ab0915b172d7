"""A process that says another version or environment of a minute that it has spoken of already."""

from __future__ import annotations

import random
import threading
from datetime import timedelta
from typing import Any

import pytest

from perfplatform import mongo
from profiles.fold import shards
from profiles.grain import MINUTE
from profiles.models import Ledger, Rollup
from profiles.tests import folding, ledgers
from profiles.tests.folding import Clock, Process, settle
from projects.models import Project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

Json = dict[str, Any]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def changed(process: Process, project: Project, **said: str) -> Process:
    """The same process, which says another version or environment from now on."""
    other = Process(project, **said)
    other.say_as(process)
    return other


def documents(clock: Clock, count: int = 3) -> list[Json]:
    """What a process says of the last minute but one, more each time."""
    minute = clock.now.replace(second=0, microsecond=0) - 2 * MINUTE
    return [
        ledgers.document(minute, ledgers.endpoint("/a", durations=[1_000] * seq), seq=seq)
        for seq in range(1, count + 1)
    ]


def scopes() -> set[tuple[str, str]]:
    return {
        (row["version_name"], row["environment"])
        for model in (Ledger, Rollup)
        for row in mongo.collection(model).find({}, {"version_name": 1, "environment": 1})
    }


@pytest.mark.parametrize("said", [{"version": "2.0"}, {"environment": "staging"}])
def test_a_minute_counts_once_where_its_process_names_another_version(
    project: Project, clock: Clock, said: dict[str, str]
) -> None:
    first, second, third = documents(clock)
    process = Process(project)
    process.send(first)
    settle(clock)
    later = changed(process, project, **said)
    later.send(second)
    settle(clock)
    process.send(third)
    settle(clock)
    folding.assert_folded([process])
    assert scopes() == {("1.0", "production")}


def test_the_next_minute_is_of_the_new_version(project: Project, clock: Clock) -> None:
    process = Process(project)
    later = changed(process, project, version="2.0")
    [now] = documents(clock, 1)
    process.send(now)
    minute = clock.now.replace(second=0, microsecond=0) - MINUTE
    later.send(ledgers.document(minute, ledgers.endpoint("/a")))
    settle(clock)
    folding.assert_folded([process])
    assert scopes() == {("1.0", "production"), ("2.0", "production")}


def test_versions_that_arrive_at_once_agree_on_one(project: Project, clock: Clock) -> None:
    """Whichever comes first, all that follow are filed with it, while the fold reads."""
    said = documents(clock, 8)
    process = Process(project)
    speakers = [process, changed(process, project, version="2.0"), changed(process, project, version="3.0")]
    chance = random.Random(7)
    threads = []
    for speaker in speakers:
        order = chance.sample(said, len(said))
        threads.append(threading.Thread(target=lambda s=speaker, o=order: [s.send(one) for one in o]))
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        shards.run(clock=clock, seconds=1)
    for thread in threads:
        thread.join()
    clock.now += timedelta(minutes=1)
    settle(clock)
    folding.assert_folded([process])
    assert len(scopes()) == 1
