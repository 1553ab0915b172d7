"""What detectors make of call trees: whom they blame, what they count, and what they leave alone."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import detectors
from analysis.detectors import BY_NAME, DETECTORS
from analysis.detectors.sleep import SLEEPS
from analysis.evidence import Counted, Counters, Evidence, Frames
from analysis.finding import Finding, Severity
from analysis.tests.trees import function, tree
from profiles.calltree import CallTree
from profiles.merged import merge
from profiles.tests import trees as any_trees

VIEW = "shop/views.py:orders"
COMPUTING = (f"{VIEW} > shop/sums.py:add", 400, 40)
SLEEP = "<built-in>:sleep"


def found(made: CallTree, **known: object) -> list[Finding]:
    return detectors.findings(Evidence(made, **known))  # type: ignore[arg-type]


def named(findings: Iterable[Finding], detector: str) -> Finding:
    return next(finding for finding in findings if finding.detector == detector)


def counters(count: int, *, name: str = "orders", total_us: int = 300_000, requests: int = 1) -> Counters:
    item = Counted("db", name, "shop/views.py", 7, "SELECT * FROM tea WHERE id = ?", count, total_us)
    return Counters((item,), requests, 1_000_000)


def test_function_at_fault_is_the_nearest_own_one() -> None:
    said = found(tree((f"{VIEW} > shop/wait.py:pause > lib/retry.py:again > {SLEEP}", 600, 60), COMPUTING))
    finding = named(said, "sleep")
    assert (finding.function_name, finding.call) == ("pause", "sleep")
    assert (finding.time_us, finding.samples, finding.saving_us) == (600_000, 60, 600_000)
    assert finding.share == pytest.approx(0.6)
    assert finding.severity is Severity.CRITICAL


def test_a_comprehension_is_the_doing_of_the_function_around_it() -> None:
    said = found(tree((f"{VIEW} > shop/views.py:<listcomp> > copy.py:deepcopy", 300, 30), COMPUTING))
    assert named(said, "deepcopy").function_name == "orders"


def test_without_own_code_the_library_itself_is_named() -> None:
    said = found(tree(("django/middleware/gzip.py:process_response > <built-in>:compress", 500, 50)))
    assert named(said, "compression").function_name == "compress"


def test_nodes_are_those_of_the_tree_heaviest_first() -> None:
    made = tree((f"{VIEW} > {SLEEP}", 100, 10), (f"{VIEW} > shop/wait.py:orders > {SLEEP}", 1, 1), COMPUTING)
    finding = named(found(made), "sleep")
    assert made.functions[made.function[finding.node]].name == "orders"
    assert [made.functions[made.function[node]].name for node in finding.nodes] == ["sleep"]


def test_too_little_is_not_told() -> None:
    assert not found(tree((f"{VIEW} > {SLEEP}", 10, 10), COMPUTING))


def test_few_samples_that_lasted_are_told() -> None:
    """pyinstrument sees one call into C as one sample, however long it was."""
    assert named(found(tree((f"{VIEW} > {SLEEP}", 300, 1), COMPUTING)), "sleep").samples == 1


def test_few_samples_that_were_short_are_not_told() -> None:
    """Three of seven samples may be anywhere else the next time."""
    assert not found(tree((f"{VIEW} > copy.py:deepcopy", 30, 3), (VIEW, 40, 4)))


def test_a_busy_cpu_did_not_wait() -> None:
    made = tree((f"{VIEW} > {SLEEP}", 600, 60), COMPUTING)
    assert named(found(made, idle_us=100_000), "sleep").severity is Severity.INFO
    assert named(found(made, idle_us=600_000), "sleep").severity is Severity.CRITICAL


def test_locks_that_were_free_are_no_warning() -> None:
    quick, slow = (
        tree((f"{VIEW} > <built-in>:lock.acquire", 300, samples), COMPUTING) for samples in (30, 10)
    )
    assert named(found(quick), "lock_wait").severity is Severity.INFO
    assert named(found(slow), "lock_wait").severity is Severity.CRITICAL


def test_repeated_queries_come_from_counters_with_the_count() -> None:
    made = tree((f"{VIEW} > <built-in>:Connection.execute", 300, 30), COMPUTING)
    finding = named(found(made, counters=counters(2_210)), "repeated_queries")
    assert finding.parameters["count"] == 2_210
    assert finding.parameters["statement"] == "SELECT * FROM tea WHERE id = ?"
    assert finding.severity is Severity.CRITICAL
    assert finding.function_name == "orders"
    assert finding.saving_us < finding.time_us


def test_without_counters_nothing_is_said_of_how_often() -> None:
    made = tree((f"{VIEW} > <built-in>:Connection.execute", 300, 30), COMPUTING)
    said = found(made)
    assert [finding.detector for finding in said] == ["database"]
    assert said[0].severity is Severity.INFO
    assert "count" not in said[0].parameters


def test_one_slow_query_is_no_repetition() -> None:
    made = tree((f"{VIEW} > <built-in>:Connection.execute", 300, 30), COMPUTING)
    said = found(made, counters=counters(1))
    assert [finding.detector for finding in said] == ["database"]
    assert said[0].parameters["count"] == 1


def test_counts_are_of_one_request() -> None:
    made = tree((f"{VIEW} > <built-in>:Connection.execute", 300, 30), COMPUTING)
    finding = named(found(made, counters=counters(100, requests=10)), "repeated_queries")
    assert finding.parameters["count"] == 10
    assert not [
        each for each in found(made, counters=counters(70, requests=10)) if each.detector != "database"
    ]


def test_counted_queries_of_a_function_that_no_sample_met_are_told() -> None:
    finding = named(found(tree(COMPUTING), counters=counters(300, name="elsewhere")), "repeated_queries")
    assert (finding.node, finding.nodes, finding.function_name) == (-1, (), "elsewhere")


@pytest.mark.parametrize(
    ("above", "is_told"),
    [
        ("asyncio/events.py:Handle._run > shop/live.py:view", True),
        ("fastapi/routing.py:run_endpoint_function > shop/live.py:view", True),
        ("asyncio/events.py:Handle._run > concurrent/futures/thread.py:run > shop/live.py:view", False),
        ("flask/app.py:dispatch_request > shop/live.py:view", False),
    ],
)
def test_blocking_counts_on_an_event_loop_alone(above: str, is_told: bool) -> None:
    said = found(tree((f"{above} > {SLEEP}", 600, 60)))
    assert ("blocking_call" in {finding.detector for finding in said}) is is_told
    assert len([finding for finding in said if finding.detector in ("blocking_call", "sleep")]) == 1


def test_awaiting_blocks_nobody() -> None:
    loop = "asyncio/events.py:Handle._run > shop/live.py:view > redis/asyncio/client.py:execute_command"
    assert not [
        finding
        for finding in found(tree((f"{loop} > :[await]", 600, 60)))
        if finding.severity is not Severity.INFO
    ]


def test_a_function_that_awaits_is_a_coroutine_without_a_loop_in_sight() -> None:
    made = tree(("shop/live.py:view > :[await]", 300, 30), (f"shop/live.py:view > {SLEEP}", 300, 30))
    assert named(found(made), "blocking_call").function_name == "view"


@pytest.mark.parametrize(
    ("stacks", "fault", "is_warning"),
    [
        ([("json/__init__.py:dumps", 200, 20), ("json/__init__.py:loads", 200, 20)], "round_trip", True),
        (
            [("json/encoder.py:JSONEncoder.encode > json/encoder.py:_iterencode", 400, 40)],
            "slow_encoder",
            True,
        ),
        ([("json/__init__.py:dumps", 400, 40)], "none", False),
        ([("marshmallow/schema.py:Schema.dump", 400, 40)], "none", False),
        (
            [("marshmallow/schema.py:Schema.dump", 200, 20), ("marshmallow/schema.py:Schema.load", 200, 20)],
            "round_trip",
            True,
        ),
        ([("rest_framework/serializers.py:ListSerializer.to_representation", 400, 40)], "none", False),
    ],
)
def test_serialisation_is_a_fault_where_it_is_done_twice_or_slowly(
    stacks: list[tuple[str, int, int]], fault: str, is_warning: bool
) -> None:
    below = [(f"{VIEW} > {stack}", time_ms, samples) for stack, time_ms, samples in stacks]
    finding = named(found(tree(*below, COMPUTING)), "serialisation")
    assert finding.parameters["fault"] == fault
    assert (finding.severity is not Severity.INFO) is is_warning


def test_calls_to_services_are_serial_where_that_was_counted() -> None:
    made = tree((f"{VIEW} > requests/api.py:get", 300, 30), COMPUTING)
    item = Counted("http", "orders", "shop/views.py", 7, "GET rates", 3, 300_000)
    finding = named(found(made, counters=Counters((item,), 1, 700_000)), "outbound_http")
    assert finding.parameters["fault"] == "serial"
    assert finding.saving_us == 200_000
    assert named(found(made), "outbound_http").severity is Severity.INFO


def test_handshakes_are_seen_in_the_frames() -> None:
    handshake = f"{VIEW} > requests/api.py:get > ssl.py:SSLSocket.do_handshake"
    made = tree((f"{VIEW} > requests/api.py:get", 100, 10), (handshake, 200, 20), COMPUTING)
    finding = named(found(made), "outbound_http")
    assert finding.parameters == {"handshakes_us": 200_000, "fault": "handshakes"}
    assert finding.saving_us == 200_000


@pytest.mark.parametrize(
    "call", ["pandas/core/frame.py:DataFrame.iterrows", "pandas/core/apply.py:FrameApply.apply_standard"]
)
def test_pandas_rows(call: str) -> None:
    assert (
        named(found(tree((f"{VIEW} > {call}", 300, 30), COMPUTING)), "pandas_rows").function_name == "orders"
    )


@pytest.mark.parametrize(
    "call",
    [
        "sqlalchemy/pool/impl.py:QueuePool._do_get",
        "psycopg_pool/pool.py:ConnectionPool.getconn",
        "pymongo/synchronous/pool.py:Pool._get_conn",
        "redis/connection.py:BlockingConnectionPool.get_connection",
    ],
)
def test_pools_are_told_before_the_locks_in_them(call: str) -> None:
    said = found(
        tree((f"{VIEW} > {call} > threading.py:Condition.wait > <built-in>:lock.acquire", 300, 3), COMPUTING)
    )
    assert [finding.detector for finding in said] == ["pool_wait"]


def test_what_a_finding_has_told_no_other_tells_again() -> None:
    """Importing compiles patterns and reads files."""
    load = f"{VIEW} > <frozen importlib._bootstrap>:_load_unlocked"
    made = tree(
        (f"{load} > <frozen importlib._bootstrap_external>:exec_module > re/_compiler.py:compile", 200, 20),
        (f"{load} > <built-in>:FileIO.read", 100, 10),
        COMPUTING,
    )
    assert [finding.detector for finding in found(made)] == ["imports"]


def test_idle_time_without_a_reason_is_no_warning() -> None:
    made = tree((f"{VIEW} > <built-in>:read", 300, 3), COMPUTING)
    finding = named(found(made, idle_us=300_000), "wall_above_cpu")
    assert (finding.function_name, finding.severity) == ("orders", Severity.INFO)
    assert not found(made)


def test_rows_worked_on_in_python_are_told_of_the_function_that_queries() -> None:
    made = tree((VIEW, 600, 60), (f"{VIEW} > <built-in>:Connection.execute", 20, 2), COMPUTING)
    assert named(found(made), "rows_in_python").function_name == "orders"


def test_paths_of_windows_and_absolute_ones_are_the_same_library() -> None:
    for path in ("C:\\Python311\\Lib\\copy.py", "/usr/lib/python3.11/copy.py", "copy.py"):
        assert Frames({"copy.py": ("deepcopy",)}).matches(function(f"{path}:deepcopy"))
    assert not Frames({"copy.py": ("deepcopy",)}).matches(function("lib/mycopy.py:deepcopy"))


def test_own_functions_are_never_a_library() -> None:
    made = tree(("shop/copy.py:deepcopy", 500, 50))
    assert not found(made)
    assert not any(Evidence(made).matched(SLEEPS))


def test_nothing_is_found_in_nothing() -> None:
    assert found(CallTree()) == []


@given(made=any_trees.trees(), idle_us=st.integers(-1, 10**9), count=st.integers(0, 10**6))
def test_findings_point_into_any_tree_and_never_promise_more_than_it_has(
    made: CallTree, idle_us: int, count: int
) -> None:
    merged = merge([made])
    for finding in found(merged, idle_us=idle_us, counters=counters(count, name="f")):
        assert -1 <= finding.node < len(merged.parent)
        assert all(0 <= node < len(merged.parent) for node in finding.nodes)
        assert 0 <= finding.saving_us <= finding.time_us <= sum(merged.self_us)
        assert 0 <= finding.share <= 1
        assert json.dumps(finding.parameters, allow_nan=False)


def test_each_detector_says_what_it_sees_and_what_it_cant_and_links_to_the_fix() -> None:
    told = {}
    for module in pkgutil.iter_modules(detectors.__path__, f"{detectors.__name__}."):
        loaded = importlib.import_module(module.name)
        if hasattr(loaded, "DETECTOR"):
            told[loaded.DETECTOR.name] = loaded.__doc__ or ""
    assert set(told) == set(BY_NAME)
    assert len(BY_NAME) == len(DETECTORS)
    for name, text in told.items():
        assert "Sees" in text, name
        assert "an't" in text, name
    assert all(detector.fix_url.startswith("https://") for detector in DETECTORS)
