"""Recording by pyinstrument: beside other profilers, near the recursion limit, within bounded memory."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import os
import pstats
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest
from pyinstrument import Profiler
from pyinstrument.session import Session
from pyinstrument.stack_sampler import thread_locals

from perfplatform_sdk.engines import pyinstrument as engine
from perfplatform_sdk.engines.pyinstrument import PyinstrumentRecording


def work(seconds: float = 0.03) -> int:
    until, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        rounds += len(str(rounds))
    return rounds


def record(function: object = work, interval: float = 0.001) -> PyinstrumentRecording:
    recording = PyinstrumentRecording(interval)
    assert recording.resume()
    try:
        function()  # type: ignore[operator]
    finally:
        recording.pause()
    return recording


def total(recording: PyinstrumentRecording) -> float:
    return sum(seconds for _, seconds in recording.records)


def names(recording: PyinstrumentRecording) -> set[str]:
    return {name.partition("\0")[0] for stack, _ in recording.records for name in stack}


@pytest.fixture(autouse=True)
def nothing_left_over() -> object:
    assert sys.getprofile() is None
    yield
    assert sys.getprofile() is None
    assert (
        getattr(thread_locals, "stack_sampler", None) is None or not thread_locals.stack_sampler.subscribers
    )
    thread_locals.__dict__.pop("stack_sampler", None)


def test_recording_is_a_session_that_pyinstrument_can_show() -> None:
    began = time.perf_counter()
    recording = record()
    elapsed = time.perf_counter() - began
    session = Session.from_json(recording.session("GET /orders/<id>"))
    assert 0.03 <= session.duration <= elapsed
    assert 0.5 < total(recording) / session.duration <= 1
    root = session.root_frame()
    assert root is not None
    # pyinstrument leaves out what lies above the start of the recording.
    assert (root.function, root.children[0].function) == ("record", "work")


def test_methods_carry_their_class() -> None:
    class Basket:
        def total(self) -> int:
            return work()

        @classmethod
        def make(cls) -> int:
            return work()

    def both() -> None:
        Basket().total()
        Basket.make()

    found = {
        name for stack, _ in record(both).records for name in stack if name.startswith(("total\0", "make\0"))
    }
    assert found
    assert all("\x01cBasket\x01l" in name for name in found)


def test_two_stretches_are_one_recording_and_the_time_between_is_not_in_it() -> None:
    began = time.perf_counter()
    recording = record()
    work(0.3)
    assert recording.resume()
    work()
    recording.pause()
    recording.pause()  # a second time does nothing
    elapsed = time.perf_counter() - began
    assert 0.06 <= recording.duration <= elapsed - 0.3
    assert 0.5 < total(recording) / recording.duration <= 1


def test_profiler_of_the_app_that_runs_already_is_left_alone() -> None:
    for mode in ("enabled", "disabled", "strict"):
        profiler = Profiler(async_mode=mode)  # type: ignore[arg-type]
        profiler.start()
        assert not PyinstrumentRecording(0.001).resume()
        work()
        session = profiler.stop()
        assert session.sample_count > 1
        assert sys.getprofile() is None


@pytest.mark.parametrize("mode", ["enabled", "disabled", "strict"])
@pytest.mark.parametrize("interval", [0.001, 0.0005, 0.01])
def test_profiler_that_the_app_starts_meanwhile_works(mode: str, interval: float) -> None:
    sessions = []

    def app() -> None:
        work()
        with Profiler(async_mode=mode, interval=interval) as profiler:  # type: ignore[arg-type]
            work()
        sessions.append(profiler.last_session)
        work()

    recording = record(app)
    assert sessions[0].sample_count > 1
    assert "work" in {name.partition("\0")[0] for stack, _ in sessions[0].frame_records for name in stack}
    assert 0.03 <= sessions[0].duration <= recording.duration - 0.06
    assert recording.complete
    assert 0.5 < total(recording) / recording.duration <= 1


def test_profiler_of_the_app_may_outlive_the_recording() -> None:
    profiler = Profiler()

    def app() -> None:
        work()
        profiler.start()

    recording = record(app)
    assert recording.complete
    assert sys.getprofile() is not None
    work()
    assert profiler.stop().sample_count > 1


def test_cprofile_that_runs_already_is_left_alone() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    assert not PyinstrumentRecording(0.001).resume()
    work()
    profiler.disable()
    assert any(name == "work" for _, _, name in pstats.Stats(profiler).stats)  # type: ignore[attr-defined]


def test_cprofile_that_the_app_starts_meanwhile_works() -> None:
    stats = []

    def app() -> None:
        profiler = cProfile.Profile()
        profiler.enable()
        work()
        profiler.disable()
        stats.append(pstats.Stats(profiler).stats)  # type: ignore[attr-defined]
        work()

    recording = record(app)
    assert any(name == "work" for _, _, name in stats[0])
    # Until 3.11 it takes the one place for a profile function: the rest is missing, and that is known.
    assert recording.complete == (sys.version_info >= (3, 12))


def test_profile_function_of_others_stays() -> None:
    events: list[str] = []

    def own(frame: object, event: str, arg: object) -> None:
        events.append(event)

    sys.setprofile(own)
    try:
        assert not PyinstrumentRecording(0.001).resume()
        assert sys.getprofile() is own
    finally:
        sys.setprofile(None)

    recording = PyinstrumentRecording(0.001)
    assert recording.resume()
    sys.setprofile(own)
    try:
        recording.pause()
        assert sys.getprofile() is own
    finally:
        sys.setprofile(None)
    assert not recording.complete


def test_nothing_starts_on_an_event_loop() -> None:
    async def serve() -> bool:
        return PyinstrumentRecording(0.001).resume()

    assert asyncio.run(serve()) is False


def test_pause_in_another_thread_ends_the_recording_in_its_own() -> None:
    recording = PyinstrumentRecording(0.001)
    assert recording.resume()
    other = threading.Thread(target=recording.pause)
    other.start()
    other.join()
    work()
    assert sys.getprofile() is None
    assert not recording.complete


def test_threads_do_not_mix() -> None:
    def marked(number: int) -> object:
        space: dict = {"work": work}
        exec(f"def marker_{number}(): return work(0.1)", space)  # noqa: S102
        return space[f"marker_{number}"]

    recordings: dict[int, PyinstrumentRecording] = {}

    def run(number: int) -> None:
        recordings[number] = record(marked(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, recording in recordings.items():
        assert {name for name in names(recording) if name.startswith("marker_")} == {f"marker_{number}"}


def test_what_the_app_deletes_is_gone() -> None:
    class Large:
        pass

    class Worker:
        def run(self) -> bool:
            large = Large()
            seen = weakref.ref(large)
            work()
            del large
            return seen() is None

    gone = []
    record(lambda: gone.append(Worker().run()))
    assert gone == [True]


def test_memory_of_a_long_recording_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_MAX_SAMPLES", 64)
    recording = PyinstrumentRecording(0.0005)
    assert recording.resume()
    until = time.monotonic() + 30
    while recording.interval_us == 500 and time.monotonic() < until:
        work(0.05)
    recording.pause()
    assert 10 <= len(recording.records) <= 64
    assert 0.5 < total(recording) / recording.duration <= 1
    assert recording.interval_us in (1000, 2000, 4000, 8000)
    monkeypatch.setattr(engine, "_MAX_FRAMES", 500)
    recording = record(lambda: work(0.2), interval=0.0005)
    assert recording.weight <= 500


def test_thinning_loses_no_time() -> None:
    recording = PyinstrumentRecording(0.001)
    for number in range(100_001):
        recording.take([f"f{number % 7}"], 0.001, None)
    assert len(recording.records) <= 8_192
    assert recording.weight == len(recording.records)
    assert abs(total(recording) - 100.001) < recording.interval_us / 1e6


def test_recording_that_fails_to_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(engine.GuardedSampler, "_start_sampling", fail)
    with pytest.raises(ZeroDivisionError):
        PyinstrumentRecording(0.001).resume()
    assert not hasattr(thread_locals, "stack_sampler")
    monkeypatch.undo()
    assert record().complete


def test_an_error_of_ours_in_a_sample_stays_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(PyinstrumentRecording, "take", fail)
    recording = record()
    assert not recording.complete


@pytest.mark.parametrize("shape", ["plain", "levels", "busy", "json", "sorted", "repr", "attributes"])
def test_recursion_to_the_limit_neither_aborts_nor_changes_the_outcome(shape: str) -> None:
    """In a process of its own: pyinstrument by itself aborts some of these."""
    script = Path(__file__).with_name("recurse.py")
    result = subprocess.run(
        [sys.executable, str(script), shape],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(script.parents[1])},
    )
    assert result.returncode == 0, result.stderr[-800:]
    least, recorded, samples = map(int, result.stdout.split())
    assert least - recorded <= 1  # what any wrapper takes
    assert samples >= 10


def test_recording_never_starts_where_a_caught_recursion_error_is_dangerous(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "SUPPORTED", False)
    assert not PyinstrumentRecording(0.001).resume()


def test_recording_is_freed() -> None:
    recording = record()
    seen = weakref.ref(recording)
    del recording
    gc.collect()
    assert seen() is None
