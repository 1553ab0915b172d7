from __future__ import annotations

import contextvars
import re
import sysconfig
import threading
import time
from functools import partial
from types import ModuleType
from typing import Any, Callable

import pytest
import requests
from counted import Count, Counts, a_request, read
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk import caller, hooks, profile
from perfplatform_sdk.counters import MAX_ROWS, Counters, merge, new_tally, rows
from perfplatform_sdk.engines.naming import beneath_us, names_beneath_us
from perfplatform_sdk.hooks import counting
from perfplatform_sdk.integrations.wsgi import Middleware
from perfplatform_sdk.recorder import begin

Start = Callable[..., None]


LIBRARIES = sysconfig.get_paths()["purelib"]


def made(name: str, source: str, *, file: str = __file__, **names: Any) -> Any:
    """A function of a file that needn't be there."""
    exec(compile(source, file, "exec"), names)  # noqa: S102 - only so code gets a file of our choice
    return names[name]


def installed(file: str) -> Any:
    """The function `enter(function, depth)` of an installed package, which calls itself before `function`."""
    source = "def enter(function, depth=10): return enter(function, depth - 1) if depth else function()"
    return made("enter", source, file=f"{LIBRARIES}/{file}")


through_library = installed("ormlib/query.py")
through_driver = installed("driverlib/cursor.py")


def event(shape: str = "SELECT ?", duration_ns: int = 3_000, kind: str = "db") -> Callable[[], None]:
    """What a hook does at the end of a statement."""
    return partial(counting.count, kind, duration_ns, str, shape)


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_kinds", "_ways"):
        monkeypatch.setattr(caller, name, {})
    monkeypatch.setattr(caller, "_skipped", ())
    package = ModuleType("driverlib")
    package.__file__ = f"{LIBRARIES}/driverlib/__init__.py"
    caller.skip(package)


def orders() -> None:
    through_library(event())


def invoices() -> None:
    through_library(event())


def test_statements_are_grouped_by_function_and_shape(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    with a_request() as counts:
        for _ in range(3):
            orders()
        invoices()
        through_library(event("GET http://h/", 2_000_000, "http"))
    assert counts.rows == [
        Count("db", "orders", "SELECT ?", 3),
        Count("db", "invoices", "SELECT ?", 1),
        Count("http", "test_statements_are_grouped_by_function_and_shape", "GET http://h/", 1),
    ]
    assert counts.times_us == {"SELECT ?": 12, "GET http://h/": 2_000}


def test_without_a_record_nothing_is_counted_and_nothing_happens(start: Start) -> None:
    orders()
    start(engine="none", statement_shapes=True)
    orders()
    record = begin("request")
    assert record is not None
    record.end()
    orders()
    assert record.counters is None


def test_what_outlives_its_record_is_not_counted(start: Start) -> None:
    """As a task that a request has left behind: the record is on its way already."""
    start(engine="none", statement_shapes=True)
    with a_request() as counts:
        orders()
        context = contextvars.copy_context()
        record = counting.current.get()
    context.run(orders)
    again = Counts()
    read(record, again)
    assert again.shapes() == counts.shapes() == [("SELECT ?", 1)]


def test_shapes_stay_in_the_process_unless_wanted(start: Start) -> None:
    start(engine="none")
    with a_request() as counts:
        through_library(event('SELECT "name" FROM "users"'))
        through_library(event("GET http://internal-host/", kind="http"))
    for row, verb in zip(counts.rows, ("SELECT", "GET")):
        assert re.fullmatch(verb + " [0-9a-f]{16}", row.fingerprint)


def test_calls_of_profile_are_counted_by_themselves_and_in_the_request(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    inner = Counts()

    @profile
    def report() -> None:
        orders()
        record = counting.current.get()
        read(record, inner)

    with a_request() as counts:
        orders()
        report()
        orders()
    assert inner.shapes() == [("SELECT ?", 1)]
    assert counts.shapes() == [("SELECT ?", 3)]


def test_with_one_setting_nothing_is_hooked(start: Start) -> None:
    hooks.uninstall()
    before = requests.Session.send
    start(engine="none", counters=False)
    assert requests.Session.send is before
    start(engine="none")
    assert requests.Session.send is not before


def test_too_many_shapes_become_others_and_no_count_is_lost(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    with a_request() as counts:
        for number in range(MAX_ROWS + 100):
            through_library(event(f"SELECT {number}"), 1)
            through_library(event(f"GET {number}", kind="http"), 1)
    assert len(counts.rows) == MAX_ROWS
    assert sum(row.count for row in counts.rows) == 2 * (MAX_ROWS + 100)
    assert [row for row in counts.rows if row.fingerprint == "(other)"] == [
        Count("db", "", "(other)", MAX_ROWS + 100 - 249),
        Count("http", "", "(other)", MAX_ROWS + 100 - 249),
    ]


def made_of(*shapes: str, count: int = 1) -> Counters:
    made: Counters = {}
    for shape in shapes:
        tally = new_tally(made, ("db", id(orders.__code__), shape), orders.__code__, shape)
        tally.count += count
        tally.total_ns += 1_500 * count
    return made


def test_merging_adds_and_leaves_the_record_alone() -> None:
    minute: Counters = {}
    record = made_of("SELECT a", "SELECT b")
    merge(minute, record)
    merge(minute, record)
    merge(minute, made_of("SELECT b", count=5))
    code = orders.__code__
    assert rows(minute) == [("db", code, "SELECT a", 2, 3), ("db", code, "SELECT b", 7, 10)]
    assert rows(record) == [("db", code, "SELECT a", 1, 1), ("db", code, "SELECT b", 1, 1)]


def test_a_minute_is_bounded_like_a_record() -> None:
    minute: Counters = {}
    for number in range(2_000):
        merge(minute, made_of(f"SELECT {number}"))
    assert len(rows(minute)) == MAX_ROWS - 1
    assert sum(row[3] for row in rows(minute)) == 2_000
    assert rows(minute)[-1][:3] == ("db", None, "(other)")


def test_threads_that_work_for_one_record_lose_no_count(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    shapes = [f"SELECT {number}" for number in range(20)]

    def work(begin_together: threading.Barrier) -> None:
        begin_together.wait()
        for _ in range(50):
            for shape in shapes:
                through_library(event(shape), 2)

    with a_request() as counts:
        together = threading.Barrier(8)
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(work, together)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        other = threading.Thread(target=work, args=(threading.Barrier(1),))  # works for no record
        other.start()
        other.join()
    assert sum(row.count for row in counts.rows) == 8 * 50 * 20
    assert {row.caller for row in counts.rows} == {"work"}


def test_caller_is_the_nearest_function_of_the_app(start: Start) -> None:
    start(engine="none", statement_shapes=True)

    def helper() -> None:
        through_library(partial(through_driver, event(), 3))

    with a_request() as counts:
        # Each twice: from a walk, and as a stack that is known.
        for _ in range(2):
            helper()
            through_library(helper)
            through_library(partial(through_driver, event(), 3))
    own = test_caller_is_the_nearest_function_of_the_app.__name__
    assert {(row.caller, row.count) for row in counts.rows} == {("helper", 4), (own, 2)}


def test_stacks_of_the_same_depth_are_told_apart(start: Start) -> None:
    start(engine="none", statement_shapes=True)

    def helper() -> None:
        through_library(event(), 4)

    def view() -> None:
        through_library(event(), 5)
        helper()

    with a_request() as counts:
        for _ in range(3):
            view()
    assert {(row.caller, row.count) for row in counts.rows} == {("view", 3), ("helper", 3)}


def test_functions_that_call_in_turn_are_told_apart(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    functions = [
        made(
            f"function_{number}",
            f"def function_{number}(): through_library(event(), {number % 3 + 4})",
            through_library=through_library,
            event=event,
        )
        for number in range(12)
    ]
    with a_request() as counts:
        for _ in range(5):
            for function in functions:
                function()
    assert {(row.caller, row.count) for row in counts.rows} == {(f"function_{n}", 5) for n in range(12)}


def test_without_a_function_of_the_app_it_is_the_library_that_is_no_driver(start: Start) -> None:
    """As a framework's own middleware loads the session: what is around the request is not its caller."""
    start(engine="none", statement_shapes=True)
    counts = Counts()

    def stop() -> None:
        read(counting.current.get(), counts)

    load_session = made(
        "load_session",
        "def load_session(): through_driver(event(), 3); through_driver(event(), 3); stop()",
        file=f"{LIBRARIES}/framework/session.py",
        through_driver=through_driver,
        event=event,
        stop=stop,
    )
    application = made(
        "application",
        "def application(environ, start_response): return handle(load_session) or [b'']",
        file=f"{LIBRARIES}/framework/application.py",
        handle=installed("framework/handler.py"),
        load_session=load_session,
    )
    Middleware(application)({"REQUEST_METHOD": "GET"}, lambda *_: None)
    assert counts.rows == [Count("db", "load_session", "SELECT ?", 2)]


def test_hooks_on_a_stack_do_not_hide_what_is_around_them() -> None:
    """The trees of samples begin beneath the SDK, which a hook is not the beginning of."""
    hook, around = counting.count.__code__, Middleware.__call__.__code__
    library, app = through_library.__code__, orders.__code__
    stack = [library, 1, hook, 2, library, 3, app, 4]
    assert beneath_us(stack) == beneath_us([*stack, around, 5, app, 6]) == [library, 1, library, 3, app, 4]
    names = [f"{code.co_name}\0{code.co_filename}\0{code.co_firstlineno}" for code in (app, library, hook)]
    outer = f"__call__\0{around.co_filename}\0{around.co_firstlineno}"
    assert names_beneath_us(names) == names_beneath_us([names[0], outer, *names]) == names[:2]


def test_a_search_without_end_is_given_up(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    with a_request() as counts:
        through_library(event(), 100)
    assert counts.rows == [Count("db", "enter", "SELECT ?", 1)]


def test_what_is_remembered_is_bounded(start: Start) -> None:
    start(engine="none", statement_shapes=True)
    with a_request():
        for number in range(3_000):
            through_library(event(f"SELECT {number}"), 0)
    assert len(caller._ways) <= 1_024


def test_a_failing_shape_is_counted_as_ours_and_stays_with_us(platform: FakePlatform, start: Start) -> None:
    start(engine="none", statement_shapes=True)

    def fail() -> str:
        raise LookupError("a bug of ours")

    with a_request() as counts:
        counting.count("db", 1, fail)
    assert counts.rows == []
    assert perfplatform_sdk.flush(5.0)
    assert platform.dropped() == {"internal_error": 1}


def test_counts_arrive_with_the_profile_and_the_minute(platform: FakePlatform, start: Start) -> None:
    start(engine="pyinstrument", statement_shapes=True)
    for _ in range(2):
        record = begin("request", "GET")
        assert record is not None
        record.name("/orders")
        orders()
        until = time.perf_counter() + 0.01
        while time.perf_counter() < until:
            len("something to sample")
        record.end()
    assert perfplatform_sdk.flush(5.0)
    (counted,) = platform.profiles[0]["counters"]
    place = counted.pop("caller")
    assert counted == {"type": "db", "fingerprint": "SELECT ?", "count": 1, "total_us": 3}
    assert (place["function"], place["line"]) == ("orders", orders.__code__.co_firstlineno)
    assert place["file"].endswith("test_counters.py")
    total = 0
    for document in platform.ledger().values():
        (row,) = document["endpoints"][0]["counters"]
        assert (document["strings"][row[0]], document["strings"][row[2]]) == ("db", "SELECT ?")
        assert document["strings"][document["frames"][row[1]][0]] == "orders"
        assert row[4] == 3 * row[3]
        total += row[3]
    assert total == 2


def test_a_code_object_that_is_gone_is_not_mistaken_for_another(start: Start) -> None:
    """Counts are kept by the id of the code, which is held as long as they are."""
    start(engine="none", statement_shapes=True)
    with a_request() as counts:
        for number in range(50):
            source = f"def made_{number}(): through_library(event())"
            made(f"made_{number}", source, through_library=through_library, event=event)()
    assert {row.caller for row in counts.rows} == {f"made_{number}" for number in range(50)}
