from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from perfplatform import mongo
from profiles.fold import shards
from profiles.models import EndpointName, Rollup, TreeBlob, endpoint_name
from profiles.rollup import EndpointKey
from profiles.scope import Scope
from profiles.tests import folding, ledgers
from profiles.tests.folding import Clock, Process, settle
from projects.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

SCOPE = Scope(ObjectId(), ObjectId(), "1.0", "production")
# In a far year, since MongoDB deletes what has expired by its own clock.
MINUTE = datetime(2099, 11, 24, 10, 0, tzinfo=UTC)
OTHERS = EndpointKey("request", "", "(other)")


def keys(*routes: str) -> list[EndpointKey]:
    return [EndpointKey("request", "GET", route) for route in routes]


def kept(*routes: str, scope: Scope = SCOPE, minute: datetime = MINUTE) -> list[str]:
    """The routes that these are kept under."""
    asked = keys(*routes)
    names = EndpointName.objects.admit(scope, asked, minute=minute)
    return [names[key].route for key in asked]


@pytest.fixture
def two_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_name, "MOST_ENDPOINTS", 2)


def test_first_come_first_served(two_at_most: None) -> None:
    assert kept("/b") == ["/b"]
    assert kept("/d", "/c", "/b", "/a") == ["(other)", "(other)", "/b", "/a"]
    assert kept("/c", "/a") == ["(other)", "/a"]
    assert EndpointName.objects.of_version(SCOPE.version_id) == keys("/b", "/a")


def test_others_are_of_their_kind(two_at_most: None) -> None:
    kept("/a", "/b")
    task = EndpointKey("task", "", "send")
    assert EndpointName.objects.admit(SCOPE, [task], minute=MINUTE) == {
        task: EndpointKey("task", "", "(other)")
    }


def test_each_version_has_its_own_list(two_at_most: None) -> None:
    kept("/a", "/b")
    assert kept("/c", scope=SCOPE._replace(version_id=ObjectId())) == ["/c"]


def test_two_thousand_and_not_one_more() -> None:
    routes = [f"/{number:04d}" for number in range(2_100)]
    assert kept(*routes) == routes[:2_000] + ["(other)"] * 100
    assert kept("/new") == ["(other)"]
    assert EndpointName.objects.count() == 2_000


def test_many_that_append_at_once_keep_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_name, "MOST_ENDPOINTS", 30)
    start = threading.Barrier(6)
    answers: list[dict[str, str]] = []

    def ask(number: int) -> None:
        routes = [f"/{(number * 7 + step) % 40}" for step in range(20)]
        start.wait()
        answers.extend({route: kept(route)[0]} for route in routes)

    askers = [threading.Thread(target=ask, args=[number]) for number in range(6)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    assert len(answers) == 120
    listed = EndpointName.objects.of_version(SCOPE.version_id)
    assert len(listed) == len(set(listed)) == 30
    routes = {key.route for key in listed}
    for answer in answers:
        for route, name in answer.items():
            assert name == (route if route in routes else "(other)")


def test_last_seen_follows_by_the_hour() -> None:
    kept("/a")
    for minutes in (5, 59, 61, 30):
        kept("/a", minute=MINUTE + timedelta(minutes=minutes))
    stored = EndpointName.objects.get()
    assert (stored.first_seen, stored.last_seen) == (MINUTE, MINUTE + timedelta(minutes=61))
    assert stored.expires_at == stored.last_seen + timedelta(days=730)


def test_what_is_beyond_the_cap_is_summed_up(two_at_most: None, project: Project) -> None:
    clock, process = Clock(), Process(project)
    at = clock.now.replace(second=0, microsecond=0) - timedelta(minutes=3)
    routes = ["/a", "/b", "/c", "/d"]
    process.send(ledgers.random_document(at, routes, seed=1))
    settle(clock)
    expected = folding.expected_totals([process])
    beyond = tuple(map(sum, zip(*(expected[key] for key in keys("/c", "/d")), strict=True)))
    for grain in ("minute", "hour", "day"):
        stored = folding.stored_totals(grain)
        assert stored[OTHERS] == beyond
        assert not {key for key in stored if key.route in ("/c", "/d")}
        assert stored[EndpointKey("*", "", "*")] == expected[EndpointKey("*", "", "*")]
    trees = folding.expected_trees([process])
    spent = sum(sum(tree.self_us) for key, tree in trees.items() if key.route in ("/c", "/d"))
    assert [
        row["total_us"] for row in mongo.collection(TreeBlob).find({"grain": "day", "route": "(other)"})
    ] == [spent]
    assert not shards.run(clock=clock)
    assert mongo.collection(Rollup).count_documents({"route": "(other)"}) == 3
