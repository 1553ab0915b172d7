"""The sampler: whose time it sees, how much of it, and that the app is left as it was."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, Callable

import pytest
from fake_platform import FakePlatform
from pyinstrument.session import Session

import perfplatform_sdk
from perfplatform_sdk import client as clients
from perfplatform_sdk.engines import sampler as engine
from perfplatform_sdk.engines.interval import DEFAULT_S
from perfplatform_sdk.engines.sampled import SampledRecording
from perfplatform_sdk.engines.sampler import Sampler
from perfplatform_sdk.recorder import Record, begin, current_record, serving

Start = Callable[..., None]


def spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        len(str(until))


MARKERS = """
def spin_{n}(seconds):
    spin(seconds)
def wait_{n}(seconds):
    time.sleep(seconds)
async def await_{n}(seconds):
    spin(0.002)
    await asyncio.sleep(seconds)
"""
marked: dict[str, Any] = {"spin": spin, "time": time, "asyncio": asyncio}
for number in range(50):
    exec(MARKERS.format(n=number), marked)  # noqa: S102 - functions with names of their own


@pytest.fixture(autouse=True)
def the_default_switch_interval() -> Iterator[None]:
    assert sys.getswitchinterval() == pytest.approx(DEFAULT_S)
    yield
    assert sys.getswitchinterval() == pytest.approx(DEFAULT_S)


def request(route: str, *, task: Any = None) -> Record:
    record = begin("request", "GET", task=task)
    assert record is not None
    record.name(route)
    return record


def finish(record: Record) -> None:
    record.status = 200
    record.end()


def wake_sampler() -> None:
    """What happens until its thread has started, on a busy machine, it can't see."""
    record = request("/first")
    time.sleep(0.1)
    finish(record)


def entry(platform: FakePlatform, route: str) -> tuple[list[dict[str, Any]], dict[str, int], int]:
    """The endpoint's entries of the ledger, microseconds by function with what it calls, and all of them."""
    by_function: Counter[str] = Counter()
    found: list[dict[str, Any]] = []  # one a minute, and a test may run across the end of one
    for document in platform.ledger().values():
        for candidate in document["endpoints"]:
            if candidate["route"] != route:
                continue
            found.append(candidate)
            for rows in candidate["stacks"].values():
                for row in rows:
                    names, node = set(), row
                    while True:
                        names.add(document["strings"][document["frames"][node[1]][0]])
                        if node[0] < 0:
                            break
                        node = rows[node[0]]
                    by_function.update(dict.fromkeys(names, row[2]))
                    by_function["*"] += row[2]
    return found, by_function, by_function["*"]


def served_us(entries: list[dict[str, Any]]) -> int:
    """Microseconds of all requests that were sampled."""
    return sum(entry["histograms"]["sampler"]["sum_us"] for entry in entries)


def functions(profile: dict[str, Any]) -> set[str]:
    return {text for text in profile["session"]["strings"] if text.startswith(("spin_", "wait_", "await_"))}


@pytest.mark.parametrize("engine_name", ["sampler", "auto"])
def test_fifty_requests_at_once_on_threads_keep_their_own_functions(
    start: Start, platform: FakePlatform, engine_name: str
) -> None:
    start(engine=engine_name, overhead_budget=1.0)

    def serve(number: int) -> None:
        record = request(f"/{number}")
        marked[f"spin_{number}"](0.005)
        marked[f"wait_{number}"](0.15)
        finish(record)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(serve, range(50)))
    assert perfplatform_sdk.flush(10)
    assert len(platform.profiles) == 50
    for profile in platform.profiles:
        number = profile["endpoint"][1:]
        assert f"wait_{number}" in functions(profile)
        assert functions(profile) <= {f"wait_{number}", f"spin_{number}"}


def test_fifty_requests_at_once_on_a_loop_keep_their_own_functions(
    start: Start, platform: FakePlatform
) -> None:
    start(engine="auto", overhead_budget=1.0, keep_first=10)

    async def serve(number: int) -> None:
        record = request(f"/{number}", task=asyncio.current_task())
        for _ in range(3):
            await marked[f"await_{number}"](0.05)

        outer = current_record()

        def work() -> None:
            with serving(outer):
                marked[f"wait_{number}"](0.1)

        await asyncio.get_running_loop().run_in_executor(pool, work)
        finish(record)

    async def main() -> None:
        for _ in range(2):
            await asyncio.gather(*[serve(number) for number in range(50)])

    with ThreadPoolExecutor(50) as pool:
        asyncio.run(main())
    assert perfplatform_sdk.flush(10)
    assert len(platform.profiles) == 100
    for profile in platform.profiles:
        number = profile["endpoint"][1:]
        assert f"await_{number}" in functions(profile)
        assert functions(profile) <= {f"await_{number}", f"wait_{number}"}
    helped = sum(f"wait_{profile['endpoint'][1:]}" in functions(profile) for profile in platform.profiles)
    assert helped >= 50


def test_samples_add_up_to_the_time_that_requests_took(start: Start, platform: FakePlatform) -> None:
    start(engine="sampler", overhead_budget=1.0)
    wake_sampler()

    def serve(_number: int) -> None:
        for _ in range(8):
            record = request("/sum")
            spin(0.01)
            time.sleep(0.05)
            finish(record)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(serve, range(4)))
    assert perfplatform_sdk.flush(10)
    found, _, total_us = entry(platform, "/sum")
    assert sum(minute["count"] for minute in found) == 32
    assert total_us == pytest.approx(served_us(found), rel=0.3)


def test_shares_of_the_functions_are_the_true_ones(start: Start, platform: FakePlatform) -> None:
    start(engine="sampler", sample_interval=0.005, overhead_budget=1.0)
    truth = [0.0, 0.0, 0.0]
    wake_sampler()
    by_function, total_us, looks = {}, 0, 0
    while looks < 300:  # a busy machine lets the sampler look seldom, and a few looks show shares by chance
        for _ in range(12):
            record = request("/shares")
            for number, step in enumerate((marked["spin_1"], marked["wait_2"], marked["spin_3"])):
                began = time.perf_counter()
                step((0.07, 0.02, 0.01)[number])
                truth[number] += time.perf_counter() - began
            finish(record)
        assert perfplatform_sdk.flush(10)
        found, by_function, total_us = entry(platform, "/shares")
        looks = sum(row[3] for minute in found for rows in minute["stacks"].values() for row in rows)
    for name, seconds in zip(("spin_1", "wait_2", "spin_3"), truth):
        assert by_function[name] / total_us == pytest.approx(seconds / sum(truth), abs=0.12)


def test_of_many_waiting_tasks_a_few_stand_for_all(start: Start, platform: FakePlatform) -> None:
    start(engine="sampler", overhead_budget=1.0)

    async def serve() -> None:
        record = request("/many", task=asyncio.current_task())
        await marked["await_1"](0.3)
        finish(record)

    async def main() -> None:
        await asyncio.gather(*[serve() for _ in range(100)])

    wake_sampler()
    asyncio.run(main())
    assert perfplatform_sdk.flush(10)
    found, by_function, total_us = entry(platform, "/many")
    assert total_us == pytest.approx(served_us(found), rel=0.4)
    assert by_function["await_1"] > 0.9 * total_us


def test_tasks_that_a_request_starts_show_in_it_where_python_tells(
    start: Start, platform: FakePlatform
) -> None:
    start(engine="sampler", overhead_budget=1.0)

    async def child() -> None:
        marked["spin_5"](0.3)

    async def main() -> None:
        record = request("/child", task=asyncio.current_task())
        await asyncio.gather(asyncio.create_task(child()))
        finish(record)

    wake_sampler()
    asyncio.run(main())
    assert perfplatform_sdk.flush(10)
    _, by_function, total_us = entry(platform, "/child")
    assert total_us > 150_000
    if sys.version_info >= (3, 12):
        assert by_function["spin_5"] > 0.5 * total_us
    else:
        assert by_function["[await]"] > 0.5 * total_us


def test_stack_of_a_request_begins_with_its_own_code(start: Start, platform: FakePlatform) -> None:
    start(engine="sampler", overhead_budget=1.0)

    @perfplatform_sdk.profile("outer")
    def outer() -> None:
        inner()

    @perfplatform_sdk.profile("inner")
    def inner() -> None:
        time.sleep(0.1)

    outer()
    assert perfplatform_sdk.flush(10)
    (profile,) = platform.profiles
    assert (profile["kind"], profile["endpoint"], profile["engine"]) == ("call", "outer", "sampler")
    session = Session.from_json(_plain(profile["session"]))
    root = session.root_frame(trim_stem=False)
    assert root is not None
    # What was seen in the SDK itself has no function of the app.
    outermost = {child.function: child for child in root.children}
    assert set(outermost) - {"[self]"} == {"outer"}
    first = outermost["outer"]
    assert "inner" in [child.function for child in first.children]
    assert session.duration == pytest.approx(0.1, abs=0.09)
    counts = {
        endpoint["route"]: endpoint["count"]
        for document in platform.ledger().values()
        for endpoint in document["endpoints"]
    }
    assert counts == {"outer": 1, "inner": 1}


def _plain(table: dict[str, Any]) -> dict[str, Any]:
    """A session in pyinstrument's own form: docs/wire.md, section 2.2."""

    def frame(number: int) -> str:
        parts = table["frames"][number]
        strings = table["strings"]
        if isinstance(parts, int):
            return str(strings[parts])
        place = f"{strings[parts[0]]}\0{strings[parts[1]]}\0{parts[2]}"
        return place + (f"\x01{strings[parts[3]]}" if strings[parts[3]] else "")

    records = []
    for node, seconds in zip(table["samples"], table["times"]):
        stack: list[str] = []
        while node >= 0:
            stack.insert(0, frame(table["nodes"][node][1]))
            node = table["nodes"][node][0]
        records.append((stack, seconds))
    names = ("strings", "frames", "nodes", "samples", "times")
    rest = {name: value for name, value in table.items() if name not in names}
    return {**rest, "frame_records": records, "start_call_stack": list(map(frame, table["start_call_stack"]))}


def test_slow_and_failed_requests_are_recorded_themselves(start: Start, platform: FakePlatform) -> None:
    start(engine="sampler", overhead_budget=1.0, slow_threshold=0.2, keep_first=0, keep_per_minute=0)
    for number in range(60):
        record = request("/cases")
        try:
            if number == 20:
                marked["wait_7"](0.3)
            if number == 40:
                marked["spin_8"](0.1)
                raise LookupError("nothing there")
            finish(record)
        except LookupError as error:
            record.end(error)
    assert perfplatform_sdk.flush(10)
    kept = {profile["trigger"]: profile for profile in platform.profiles}
    assert len(platform.profiles) == len(kept) == 2
    assert functions(kept["slow"]) == {"wait_7"}
    assert functions(kept["error"]) == {"spin_8"}
    assert kept["error"]["error_type"] == "LookupError"


def test_looks_at_single_requests_count_for_nothing_in_the_sums() -> None:
    recording = SampledRecording(10_000)
    code = spin.__code__
    for number in range(10):
        recording.add([code, 0], number * 1_000_000, 10_000_000 if number % 5 == 0 else 0)
    assert [duration_us for _, duration_us in recording.stacks()] == [10_000, 10_000]
    assert len(recording.session("x")["frame_records"]) == 10


def test_memory_of_a_recording_is_bounded_and_keeps_its_time() -> None:
    recording = SampledRecording(10_000)
    stack = [spin.__code__, 0] * 10
    for number in range(50_000):
        recording.add(stack, number, 1_000)
    assert len(recording) <= 8_192
    assert sum(duration_us for _, duration_us in recording.stacks()) == pytest.approx(50_000, abs=10)
    assert recording.interval_us > 10_000


def test_it_looks_less_often_where_that_costs_too_much() -> None:
    sampler = Sampler(0.01, 0.02)
    sampler._keep_to_the_budget(SimpleNamespace(look_s=0.001, thread=0.1, process=1.0))  # type: ignore[arg-type]
    assert sampler.interval_us == pytest.approx(50_000, rel=0.01)
    sampler._keep_to_the_budget(SimpleNamespace(look_s=0.00001, thread=0.001, process=1.0))  # type: ignore[arg-type]
    assert sampler.interval_us == 10_000
    # Where the process does little, a little less: but 50 samples of a second remain.
    sampler._keep_to_the_budget(SimpleNamespace(look_s=0.00015, thread=0.015, process=0.1))  # type: ignore[arg-type]
    assert sampler.interval_us == 18_000


def test_thread_sleeps_while_there_is_nothing_to_see(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_IDLE_TICKS", 3)
    start(engine="sampler")
    client = clients.current()
    assert client is not None
    sampler = client.sampler
    assert sampler is not None
    for _ in range(3):
        finish(request("/x"))
        deadline = time.monotonic() + 10
        while not sampler.parked and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sampler.parked
        assert sys.getswitchinterval() == pytest.approx(DEFAULT_S)
    threads = [thread.name for thread in threading.enumerate()]
    assert threads.count("perfplatform-sampler") == 1


def test_end_leaves_no_thread(start: Start) -> None:
    start(engine="sampler")
    finish(request("/x"))
    perfplatform_sdk.shutdown(2)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if "perfplatform-sampler" not in [thread.name for thread in threading.enumerate()]:
            break
        time.sleep(0.01)
    assert "perfplatform-sampler" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_of_a_fork_samples_by_itself(start: Start, platform: FakePlatform) -> None:
    start(engine="sampler", overhead_budget=1.0)
    record = request("/parent")
    time.sleep(0.05)
    child = os.fork()
    if not child:
        code = 1
        try:
            own = request("/child")
            time.sleep(0.1)
            finish(own)
            finish(record)  # the parent's: it counts it itself
            code = 0 if perfplatform_sdk.flush(10) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0
    finish(record)
    assert perfplatform_sdk.flush(10)
    routes = [
        endpoint["route"] for document in platform.ledger().values() for endpoint in document["endpoints"]
    ]
    assert sorted(routes) == ["/child", "/parent"]
    assert sorted(profile["endpoint"] for profile in platform.profiles) == ["/child", "/parent"]


def test_nothing_of_a_request_is_kept_alive(start: Start) -> None:
    start(engine="sampler", overhead_budget=1.0)

    class Thing:
        pass

    def work() -> weakref.ref[Thing]:
        thing = Thing()
        time.sleep(0.1)
        reference = weakref.ref(thing)
        del thing
        assert reference() is None
        return reference

    record = request("/x")
    work()
    finish(record)
    reference = weakref.ref(record.outer or Thing())
    gc.collect()
    assert reference() is None


def test_a_thousand_records_at_once_from_many_threads_are_all_counted(
    start: Start, platform: FakePlatform
) -> None:
    start(engine="auto")

    def serve(_number: int) -> None:
        for _ in range(50):
            record = request("/busy")
            if random.random() < 0.01:
                time.sleep(0.001)
            finish(record)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(serve, range(20)))
    assert perfplatform_sdk.flush(10)
    found, _, _ = entry(platform, "/busy")
    assert sum(minute["count"] for minute in found) == 1_000
    client = clients.current()
    assert client is not None
    assert client.sampler is not None
    assert not client.sampler.threads


def test_under_gevent_requests_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    patched = SimpleNamespace(is_module_patched=lambda name: name == "threading")
    monkeypatch.setitem(sys.modules, "gevent.monkey", patched)  # type: ignore[arg-type]
    assert clients.is_green()
    assert clients.make_sampler(SimpleNamespace(engine="auto")) is None  # type: ignore[arg-type]


def test_a_thread_or_task_that_ends_without_its_record_is_forgotten(start: Start) -> None:
    start(engine="sampler", overhead_budget=1.0)
    client = clients.current()
    assert client is not None
    sampler = client.sampler
    assert sampler is not None

    async def forgetful() -> None:
        request("/task", task=asyncio.current_task())

    thread = threading.Thread(target=request, args=("/thread",))
    thread.start()
    thread.join()
    asyncio.run(forgetful())
    deadline = time.monotonic() + 10
    while (sampler.threads or sampler.tasks) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (sampler.threads, sampler.tasks) == ({}, {})


def test_a_record_that_another_thread_ends_is_forgotten(start: Start) -> None:
    start(engine="sampler", overhead_budget=1.0)
    client = clients.current()
    assert client is not None
    sampler = client.sampler
    assert sampler is not None
    go_on = threading.Event()
    records: list[Record] = []

    def begin_and_stay() -> None:
        records.append(request("/begun-elsewhere"))
        go_on.wait(30)

    thread = threading.Thread(target=begin_and_stay)
    thread.start()
    try:
        while not records:
            time.sleep(0.001)
        finish(records[0])
        deadline = time.monotonic() + 10
        while sampler.threads and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sampler.threads == {}
    finally:
        go_on.set()
        thread.join()
