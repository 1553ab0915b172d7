"""What every filter and order of the list costs MongoDB: the table of profiles.queries, pair by pair."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from perfplatform import mongo
from profiles.labels import labels
from profiles.models import Profile
from profiles.models import profile as models
from profiles.models.distinct import distinct_stages
from profiles.queries import SERVED, Order, ProfileFilters, Served, TooManyToSearch
from profiles.tests import batches

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
PROJECT, OTHER = ObjectId(), ObjectId()
PROFILES = 4_000
PAGE = 25

# A value of each filter that few profiles have, and none of the newest or the slowest ones.
ASKED: dict[str, ProfileFilters] = {
    "": ProfileFilters(),
    "endpoint": ProfileFilters(endpoint="/rare"),
    "version": ProfileFilters(version="0.9"),
    "environment": ProfileFilters(environment="staging"),
    "host": ProfileFilters(host="web-9"),
    "kind": ProfileFilters(kind="task"),
    "status": ProfileFilters(status="404"),
    "exception": ProfileFilters(exception="builtins.KeyError"),
    "trigger": ProfileFilters(trigger="manual"),
    "tag": ProfileFilters(tag="tenant=acme"),
    "trace_id": ProfileFilters(trace_id="abc"),
}
RARE: dict[str, Any] = {
    "endpoint": "/rare",
    "version_name": "0.9",
    "environment": "staging",
    "hostname": "web-9",
    "kind": "task",
    "status": 404,
    "is_error": True,
    "error_type": "builtins.KeyError",
    "trigger": "manual",
    "tags": {"tenant": "acme"},
    "trace_id": "abc",
}


def document(number: int) -> dict[str, Any]:
    """Of all profiles, 80 early and fast ones are rare in every respect."""
    found = {
        "_id": batches.new_id(),
        "project_id": OTHER if number % 4 == 3 else PROJECT,
        "version_name": f"1.{number % 3}",
        "environment": "production",
        "hostname": f"web-{number % 5}",
        "kind": "request",
        "endpoint": f"/{number % 20}",
        "method": "GET",
        "status": 200,
        "error_type": "",
        "is_error": False,
        "trigger": "sampled",
        "trace_id": "",
        "tags": {},
        "started_at": START + timedelta(seconds=number),
        "duration_us": 5_000 + number * 37 % 90_000,
        **(RARE | {"duration_us": number} if 100 <= number < 180 else {}),
    }
    words = labels(found)
    return {**found, "labels": words} if words else found


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Some thousand profiles for all tests of this file, which only read."""
    with django_db_blocker.unblock():
        rows = mongo.collection(Profile)
        rows.insert_many([document(number) for number in range(PROFILES)])
        yield
        rows.delete_many({})


@pytest.fixture(autouse=True)
def unblocked(filled: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def explained(find: Mapping[str, Any]) -> dict[str, Any]:
    plan: dict[str, Any] = mongo.database().command("explain", find, verbosity="executionStats")
    return plan


def stages(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All stages of a plan, the last one first."""
    yield plan
    for inner in [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", []):
        yield from stages(inner)


def check(plan: Mapping[str, Any], *, returned: int) -> None:
    """It used an index, sorted nothing and read no more than a little beyond what it returned."""
    done, winning = plan["executionStats"], list(stages(plan["queryPlanner"]["winningPlan"]))
    names = {stage["stage"] for stage in winning}
    assert "IXSCAN" in names
    assert not {"SORT", "COLLSCAN"} & names, names
    assert done["nReturned"] == returned
    assert done["totalKeysExamined"] <= 2 * PAGE + 10, done["totalKeysExamined"]
    assert done["totalDocsExamined"] <= 2 * PAGE + 10, done["totalDocsExamined"]


def find_of(monkeypatch: pytest.MonkeyPatch, **asked: Any) -> tuple[Mapping[str, Any], Any]:
    """What `page` asks MongoDB for, and what it returns."""
    sent: list[Mapping[str, Any]] = []
    rows = mongo.collection(Profile)

    class Watched:
        """The collection, noting what is looked for."""

        def find(self, wanted: Any, shown: Any, **options: Any) -> Any:
            found = rows.find(wanted, shown, **options)
            command = {
                "find": rows.name,
                "filter": wanted,
                "projection": shown,
                "sort": dict(options["sort"]),
            }
            sent.append({**command, "skip": options["skip"], "limit": options["limit"]})
            return found

        def count_documents(self, *arguments: Any, **options: Any) -> int:
            return rows.count_documents(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(mongo, "for_pages", lambda _model: Watched())
        page = Profile.objects.page(PROJECT, asked.pop("filters"), limit=PAGE, **asked)
    (find,) = sent
    return find, page


@pytest.mark.parametrize("pair", SERVED, ids=lambda pair: f"{pair.filter or 'all'}-{pair.order}")
def test_every_pair_of_the_table_is_served_by_its_index(
    pair: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, page = find_of(monkeypatch, filters=ASKED[pair.filter], order=pair.order)
    plan = explained(find)
    check(plan, returned=PAGE + 1)
    (scan,) = [stage for stage in stages(plan["queryPlanner"]["winningPlan"]) if stage["stage"] == "IXSCAN"]
    assert scan["indexName"] == pair.index
    # The second page costs no more than the first.
    find, second = find_of(monkeypatch, filters=ASKED[pair.filter], order=pair.order, cursor=page.next_cursor)
    check(explained(find), returned=min(PAGE + 1, page.total - PAGE))
    assert not {p.pk for p in page.items} & {p.pk for p in second.items}


@pytest.mark.parametrize("pair", SERVED, ids=lambda pair: f"{pair.filter or 'all'}-{pair.order}")
def test_every_pair_goes_with_a_range_of_its_order(pair: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    middle: dict[str, Any] = {"since": START, "until": START + timedelta(seconds=160)}
    if pair.order is Order.SLOWEST:
        middle = {"min_duration_us": 120, "max_duration_us": 60_000}
    find, page = find_of(
        monkeypatch, filters=dataclasses.replace(ASKED[pair.filter], **middle), order=pair.order
    )
    assert page.total > PAGE
    check(explained(find), returned=PAGE + 1)


def test_every_filter_is_in_the_table() -> None:
    ranges = {"min_duration_us", "max_duration_us", "since", "until"}
    # A method says which of an endpoint's profiles, and is looked for along the endpoint's indexes.
    names = {field.name for field in dataclasses.fields(ProfileFilters)} - ranges - {"method"}
    assert {pair.filter for pair in SERVED} == {"", *names} == set(ASKED)
    indexes = mongo.collection(Profile).index_information()
    assert {pair.index for pair in SERVED} <= set(indexes)


def test_every_index_is_in_the_table() -> None:
    """An index that answers nothing costs space and time all the same."""
    indexes = set(mongo.collection(Profile).index_information())
    others = {"_id_", "expires_at_ttl", "profile_kept", "profile_kept_slowest", "profile_undigested"}
    assert indexes - others == {pair.index for pair in SERVED}


@pytest.mark.parametrize(
    "filters",
    [
        ProfileFilters(),
        ProfileFilters(endpoint="/1"),
        ProfileFilters(version="1.1"),
        ProfileFilters(environment="production"),
        ProfileFilters(host="web-1"),
        ProfileFilters(status="ok"),
        ProfileFilters(status="200"),
        ProfileFilters(endpoint="/1", version="1.1"),
        ProfileFilters(endpoint="/1", min_duration_us=20_000),
        ProfileFilters(min_duration_us=20_000, since=START),
        ProfileFilters(status="ok", since=START, max_duration_us=50_000),
    ],
)
def test_usual_totals_are_counted_without_fetching_a_profile(filters: ProfileFilters) -> None:
    query = {"project_id": PROJECT, **filters.query()}
    stages = [{"$match": query}, {"$limit": 10_001}, {"$group": {"_id": 1, "n": {"$sum": 1}}}]
    command = {
        "aggregate": Profile._meta.db_table,
        "pipeline": stages,
        "cursor": {},
        **Profile.objects.counted_by(query),
    }
    plan = mongo.database().command("explain", command, verbosity="executionStats")
    assert "'FETCH'" not in str(plan)
    assert "COLLSCAN" not in str(plan)
    assert Profile.objects.page(PROJECT, filters).total == mongo.collection(Profile).count_documents(query)


@pytest.mark.parametrize("column", ["endpoint", "version_name", "environment", "hostname"])
def test_choices_jump_from_value_to_value(column: str) -> None:
    """The aggregation reads one index key for each value, not one for each profile."""
    pipeline = distinct_stages(PROJECT, column)
    command = {"aggregate": Profile._meta.db_table, "pipeline": pipeline, "cursor": {}}
    plan = mongo.database().command("explain", command, verbosity="executionStats")
    assert "DISTINCT_SCAN" in str(plan)


# Takes some tens of milliseconds of the server's time for each profile that it looks at.
SLOW = {"$expr": {"$gte": [{"$size": {"$range": [0, {"$add": [1_000_000, "$duration_us"]}]}}, 0]}}


def test_a_search_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "LIST_TIME_MS", 1)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    with pytest.raises(TooManyToSearch):
        Profile.objects.page(PROJECT, ProfileFilters())


def test_a_total_that_takes_too_long_is_told_as_far_as_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "COUNT_TIME_MS", 1)
    monkeypatch.setattr(models, "LIST_TIME_MS", 60_000)
    monkeypatch.setattr(ProfileFilters, "query", lambda _filters: SLOW)
    page = Profile.objects.page(PROJECT, ProfileFilters(), offset=2, limit=3)
    assert (len(page.items), page.total, page.total_is_capped) == (3, 6, True)
