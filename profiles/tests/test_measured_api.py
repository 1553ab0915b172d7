"""REST API of endpoints, figures and merged trees over HTTP."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rest_framework.test import APIClient

from perfplatform import mongo
from profiles import export_tree
from profiles.api.measured import MeasuredSerializer
from profiles.models import TreeBlob
from profiles.tests import folding, ledgers, measured
from profiles.tests.folding import Clock, Process, settle
from profiles.tests.measured import DURATIONS, MINUTES
from projects.models import Project
from projects.tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.long]

HOSTILE = "</script><script>alert(1)</script>"
ALL_OF_A = sum(map(len, DURATIONS.values())) * len(MINUTES)
MEASURED = set(MeasuredSerializer().fields)
A = {"kind": "request", "method": "GET", "route": "/a"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def processes(project: Project, clock: Clock) -> list[Process]:
    other = Process(factories.project("Elsewhere"), version="1")
    other.send(ledgers.document(measured.minute_before(clock, 2), ledgers.endpoint("/a")))
    return measured.shop(project, clock)


def ask(api: APIClient, project: Project, what: str, **query: Any) -> tuple[int, dict[str, Any]]:
    response = api.get(f"/api/v1/projects/{project.pk}/{what}/", query)
    return response.status_code, response.json()


def data(api: APIClient, project: Project, what: str, **query: Any) -> dict[str, Any]:
    status, answer = ask(api, project, what, **query)
    assert (status, answer["code"]) == (200, 0), answer
    found: dict[str, Any] = answer["data"]
    return found


def routes(found: dict[str, Any]) -> list[str]:
    return [item["route"] for item in found["items"]]


# Endpoints


def test_endpoints_with_the_most_time_first(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    found = data(api, project, "endpoints", period="3h")
    assert routes(found) == ["/slow", "/a", "mail.send"]
    assert found["pagination"]["total"] == 3
    assert set(found["items"][0]) == MEASURED | {"kind", "method", "route"}
    usual = found["items"][1]
    assert (usual["kind"], usual["method"], usual["count"], usual["errors"]) == (
        "request",
        "GET",
        ALL_OF_A,
        0,
    )
    assert usual["sum_us"] == len(MINUTES) * sum(map(sum, DURATIONS.values()))
    assert usual["p99_us"] == pytest.approx(900_000, rel=0.01)
    assert usual["counters"] == {"db": {"count": 24, "total_us": 360}}
    assert found["period"]["start"].endswith("Z")
    assert found["period"]["grain"] in ("minute", "hour")


def test_endpoints_are_chosen_searched_and_sorted(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    def found(**query: Any) -> list[str]:
        return routes(data(api, project, "endpoints", **query))

    assert found(kind="task") == ["mail.send"]
    assert found(search="SLOW") == ["/slow"]
    assert found(search="get /a") == ["/a"]
    assert found(search="nothing") == []
    assert found(order="count") == ["/a", "/slow", "mail.send"]
    assert found(order="errors")[0] == found(order="error_rate")[0] == "/slow"
    assert found(order="name") == ["/a", "/slow", "mail.send"]
    for order in ("mean", "p50", "p95", "p99"):
        assert found(order=order) == ["/slow", "/a", "mail.send"]
    assert found(kind="", search="", version="", environment="") == found()


def test_endpoints_of_a_version_and_environment(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    def count(**query: Any) -> int:
        [item] = data(api, project, "endpoints", search="/a", **query)["items"]
        return int(item["count"])

    assert count(version="1") == 12
    assert count(version="2") == 24
    assert count(version="2", environment="staging") == 4
    assert count(environment="staging") == 4
    assert data(api, project, "endpoints", environment="nowhere")["items"] == []


def test_endpoints_come_in_pages(api: APIClient, project: Project, processes: list[Process]) -> None:
    first = data(api, project, "endpoints", page_size=2)
    assert first["pagination"] == {
        "page": 1,
        "page_size": 2,
        "total": 3,
        "total_pages": 2,
        "has_next": True,
        "has_prev": False,
    }
    assert routes(first) + routes(data(api, project, "endpoints", page_size=2, page=2)) == [
        "/slow",
        "/a",
        "mail.send",
    ]
    status, answer = ask(api, project, "endpoints", page_size=2, page=3)
    assert (status, answer["code"]) == (404, 10001)


# Figures


def test_figures_over_time(api: APIClient, project: Project, processes: list[Process], clock: Clock) -> None:
    found = data(api, project, "stats", period="1h", version="2", environment="production", **A)
    assert (found["group_by"], found["period"]["grain"]) == ("none", "minute")
    starts = [datetime.fromisoformat(item["start"]) for item in found["items"]]
    assert starts == [measured.minute_before(clock, ago) for ago in (3, 2, 1)]
    for item in found["items"]:
        assert set(item) == MEASURED | {"start"}
        assert (item["count"], item["sum_us"], item["error_rate"]) == (5, 250_000, 0)
        assert item["p95_us"] == pytest.approx(50_000, rel=0.01)
    assert (found["total"]["count"], found["total"]["sum_us"]) == (15, 750_000)
    assert found["total"]["p50_us"] == pytest.approx(50_000, rel=0.01)


def test_figures_of_a_kind_and_of_everything(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    def total(**query: Any) -> int:
        return int(data(api, project, "stats", **query)["total"]["count"])

    assert total() == ALL_OF_A + 2 * 3 * len(MINUTES)
    assert total(kind="request") == ALL_OF_A + 3 * len(MINUTES)
    assert total(kind="task") == total(kind="task", route="mail.send") == 3 * len(MINUTES)
    assert total(kind="call") == 0
    assert data(api, project, "stats", kind="call")["total"]["p50_us"] is None


def test_figures_by_version_and_environment(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    by_version = data(api, project, "stats", group_by="version", **A)
    assert [(item["version"], item["count"]) for item in by_version["items"]] == [("2", 24), ("1", 12)]
    assert by_version["total"]["count"] == 36
    staging = data(api, project, "stats", group_by="environment", version="2", **A)
    assert [(item["environment"], item["count"]) for item in staging["items"]] == [
        ("staging", 4),
        ("production", 20),
    ]


def test_figures_by_endpoint(api: APIClient, project: Project, processes: list[Process]) -> None:
    found = data(api, project, "stats", group_by="endpoint", kind="request", page_size=1)
    assert routes(found) == ["/slow"]
    assert found["pagination"]["total"] == 2
    assert found["total"]["count"] == ALL_OF_A + 3 * len(MINUTES)


def test_figures_between_two_times(
    api: APIClient, project: Project, processes: list[Process], clock: Clock
) -> None:
    start, end = measured.minute_before(clock, 3), measured.minute_before(clock, 1)
    asked = {"start": start.isoformat(), "end": end.isoformat()}
    assert data(api, project, "stats", **asked, **A)["total"]["count"] == 2 * ALL_OF_A / len(MINUTES)
    kolkata = start.astimezone(ZoneInfo("Asia/Kolkata"))
    assert data(api, project, "stats", start=kolkata.isoformat(), **A)["total"]["count"] == (
        3 * ALL_OF_A / len(MINUTES)
    )


def test_a_project_without_measurements(api: APIClient, project: Project) -> None:
    assert data(api, project, "endpoints")["items"] == data(api, project, "functions")["items"] == []
    found = data(api, project, "stats")
    assert (found["items"], found["total"]["count"], found["total"]["mean_us"]) == ([], 0, None)
    assert found["pagination"]["total_pages"] == 1
    assert data(api, project, "stats", group_by="version")["items"] == []


NONSENSE = [
    ({"period": "yesterday"}, "24h"),
    ({"period": "0h"}, "24h"),
    ({"period": "731d"}, "730 days"),
    ({"period": "999999w"}, "730 days"),
    ({"period": "24h", "start": "2026-01-01T00:00:00Z"}, "either"),
    ({"start": "yesterday"}, ""),
    ({"start": "0001-01-01T00:00:00Z"}, "730 days"),
    ({"start": "0001-01-01T00:00:00+14:00"}, ""),
    ({"start": "9999-12-31T23:59:59-14:00"}, ""),
    ({"start": "2999-01-01T00:00:00Z"}, "past"),
    ({"version": "9.9"}, "no version"),
    ({"version": "x" * 129}, "128"),
    ({"environment": "x" * 65}, "64"),
    ({"page": 0}, "1"),
    ({"page_size": 101}, "100"),
    ({"environment": "a\0b"}, "Null"),
]


@pytest.mark.parametrize(("query", "allowed"), NONSENSE)
@pytest.mark.parametrize("what", ["endpoints", "functions", "stats"])
def test_nonsense_is_refused_by_name(
    api: APIClient, project: Project, what: str, query: dict[str, Any], allowed: str
) -> None:
    status, answer = ask(api, project, what, **query)
    assert (status, answer["code"]) == (400, 10001)
    assert answer["msg"].startswith(f"{next(iter(query))}: ")
    assert allowed in answer["msg"]


@pytest.mark.parametrize(
    ("query", "name", "allowed"),
    [
        ({"kind": "job"}, "kind", "request, task, call"),
        ({"group_by": "host"}, "group_by", "none, endpoint, version, environment"),
        ({"group_by": "endpoint", **A}, "group_by", "leave out the route"),
        ({"route": "/a"}, "kind", "request, task, call"),
        ({"route": "/a", "kind": "request"}, "method", "GET"),
        ({"kind": "request", "method": "GET"}, "route", "names no endpoint"),
        ({"end": "2026-01-01T00:00:00Z"}, "start", "needs a start"),
    ],
)
def test_figures_refuse_what_names_nothing(
    api: APIClient, project: Project, query: dict[str, Any], name: str, allowed: str
) -> None:
    status, answer = ask(api, project, "stats", **query)
    assert (status, answer["code"]) == (400, 10001)
    assert answer["msg"].startswith(f"{name}: ")
    assert allowed in answer["msg"]


def test_an_end_before_the_beginning(api: APIClient, project: Project, clock: Clock) -> None:
    start, end = (clock.now - timedelta(hours=ago) for ago in (1, 2))
    status, answer = ask(api, project, "stats", start=start.isoformat(), end=end.isoformat())
    assert (status, answer["code"]) == (400, 10001)
    assert answer["msg"].startswith("end: ")
    assert ask(api, project, "functions", order="up")[1]["msg"].startswith("order: Choose one of: self,")
    assert ask(api, project, "functions", own="perhaps")[1]["msg"].startswith("own: ")
    assert ask(api, project, "endpoints", order="upwards")[1]["msg"].startswith("order: Choose one of: time,")


def test_days_are_those_of_the_projects_clocks(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    Project.objects.filter(pk=project.pk).update(time_zone="Asia/Kolkata")
    period = data(api, project, "stats", period="90d")["period"]
    assert period["grain"] == "day"
    assert period["start"].endswith("T18:30:00Z")


# Functions


def test_functions_with_the_most_time_of_their_own_first(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    found = data(api, project, "functions")
    assert [item["name"] for item in found["items"]] == ["render", "query", "view"]
    assert (found["whole_us"], found["samples"]) == (3 * 4 * 35, 3 * 4 * 6)
    render, _query, view = found["items"]
    assert render == {
        "name": "render",
        "class_name": "",
        "file": "shop/views.py",
        "line": 30,
        "library": True,
        "self_us": 240,
        "self_share": pytest.approx(20 / 35),
        "total_us": 240,
        "total_share": pytest.approx(20 / 35),
        "samples": 36,
        "endpoints": [{**A, "total_us": 240}],
    }
    assert (view["self_us"], view["total_us"], view["total_share"]) == (60, 420, 1)
    assert found["period"]["grain"] == "hour"
    assert data(api, project, "functions", period="30d")["items"] == found["items"]


def test_functions_are_chosen_searched_and_sorted(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    def names(**query: Any) -> list[str]:
        return [item["name"] for item in data(api, project, "functions", **query)["items"]]

    assert names(own="true") == ["query", "view"]
    assert names(search="SHOP/db") == ["query"]
    assert names(search="rend") == ["render"]
    assert names(search="nothing") == []
    assert names(order="total") == ["view", "render", "query"]
    assert names(order="samples") == ["render", "query", "view"]
    assert names(order="name") == ["query", "render", "view"]
    assert names(order="name", page_size=1, page=2) == ["render"]
    assert names(engine="pyinstrument") == []
    staging = data(api, project, "functions", version="2", environment="staging")
    assert staging["whole_us"] == 4 * 35


# Merged trees


FILES = {"folded": ".folded.txt", "speedscope": ".speedscope.json", "pprof": ".pb.gz"}


def tree_file(api: APIClient, project: Project, name: str, **query: Any) -> Any:
    return api.get(f"/api/v1/projects/{project.pk}/tree/{name}/", query, headers={"accept": "text/html"})


def test_a_merged_tree_as_folded_stacks(api: APIClient, project: Project, processes: list[Process]) -> None:
    response = tree_file(api, project, "folded", version="2", environment="staging", **A)
    lines = response.getvalue().decode().splitlines()
    view, query, render = "view (shop/views.py:10)", "query (shop/db.py:20)", "render (shop/views.py:30)"
    assert set(lines) == {f"{view} 20", f"{view};{query} 40", f"{view};{render} 80"}
    whole = tree_file(api, project, "folded", period="30d", **A).getvalue().decode()
    assert f"{view};{query} 120" in whole.splitlines()


def test_a_merged_tree_for_speedscope_and_pprof(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    scope = json.loads(tree_file(api, project, "speedscope", version="1", **A).getvalue())
    assert scope["name"] == "GET /a 1"
    assert scope["profiles"][0]["endValue"] == 35 * len(MINUTES)
    assert b"query" in gzip.decompress(tree_file(api, project, "pprof", **A).getvalue())


@pytest.mark.parametrize("name", FILES)
def test_files_of_trees_can_do_no_harm(api: APIClient, project: Project, clock: Clock, name: str) -> None:
    process = Process(project, version=HOSTILE)
    route = f'/"{HOSTILE}\r\n'
    entry = ledgers.endpoint(route, stacks={"sampler": ledgers.stacks(10, 20)})
    process.send(ledgers.document(measured.minute_before(clock, 2), entry))
    settle(clock)
    response = tree_file(api, project, name, kind="request", method="GET", route=route, version=HOSTILE)
    assert response.status_code == 200, response.content
    words = "GET-script-script-alert-1-script-script-script-alert-1-scrip"
    assert response["Content-Disposition"] == f'attachment; filename="{words}-sampler{FILES[name]}"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert response["Content-Type"] != "text/html"


@pytest.mark.parametrize("name", FILES)
def test_a_tree_of_nothing(api: APIClient, project: Project, processes: list[Process], name: str) -> None:
    for query in (
        {"engine": "pyinstrument", **A},
        {**A, "route": "/nowhere"},
        {"period": "1m", **A, "method": ""},
    ):
        response = tree_file(api, project, name, **query)
        assert (response.status_code, response.json()["code"]) == (404, 10001)


@pytest.mark.parametrize("name", FILES)
def test_trees_refuse_nonsense(api: APIClient, project: Project, name: str) -> None:
    for query, parameter in (({}, "route"), ({"engine": "perf", **A}, "engine"), ({"route": "/a"}, "kind")):
        response = tree_file(api, project, name, **query)
        assert (response.status_code, response.json()["code"]) == (400, 10001)
        assert response.json()["msg"].startswith(f"{parameter}: ")


def test_a_tree_too_large_for_a_format(
    api: APIClient, project: Project, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_tree, "MOST_FOLDED_CHARACTERS", 100)
    response = tree_file(api, project, "folded", **A)
    assert (response.status_code, response.json()["code"]) == (422, 10001)
    assert "too long" in response.json()["msg"]
    assert tree_file(api, project, "speedscope", **A).status_code == 200


def test_a_stored_tree_that_cannot_be_read(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    mongo.collection(TreeBlob).update_many({}, {"$set": {"data": b"\x01nonsense"}})
    response = tree_file(api, project, "folded", **A)
    assert (response.status_code, response.json()["code"]) == (500, 10000)


# Who


ADDRESSES = [
    ("endpoints", {}),
    ("functions", {}),
    ("stats", {}),
    *((f"tree/{name}", A) for name in FILES),
]


@pytest.mark.parametrize(("what", "query"), ADDRESSES)
def test_only_members_learn_of_measurements(
    project: Project, processes: list[Process], what: str, query: dict[str, Any]
) -> None:
    address = f"/api/v1/projects/{project.pk}/{what}/"
    for client, status, code in (
        (APIClient(), 401, 10002),
        (factories.api_client(factories.user()), 404, 20001),
        (factories.bearer(factories.project_key(project)), 403, 10003),
        (factories.bearer(factories.deploy_token(project)), 403, 10003),
    ):
        response = client.get(address, query)
        assert (response.status_code, response.json()["code"]) == (status, code)
    viewer = factories.api_client(factories.member(project, "viewer"))
    assert viewer.get(address, query).status_code == 200
    # A version of another project is unknown here.
    assert viewer.get(address, {**query, "version": "3"}).json()["code"] == 10001
    assert viewer.get(f"/api/v1/projects/nonsense/{what}/", query).json()["code"] == 20001


def test_figures_of_every_process_are_there(
    api: APIClient, project: Project, processes: list[Process]
) -> None:
    """What the API says of each endpoint is what the ledgers say."""
    for key, totals in folding.expected_totals(processes).items():
        if key.route == "*":
            continue
        found = data(api, project, "stats", period="3h", **key._asdict())["total"]
        assert (found["count"], found["errors"], found["sum_us"]) == totals[:3]
