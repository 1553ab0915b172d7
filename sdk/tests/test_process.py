"""Beginnings and ends of processes: exits, signals, forks, workers. Each has an interpreter of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import fake_platform as fakes
import pytest
from fake_platform import KEY, FakePlatform

SDK = Path(__file__).parents[1]

PRELUDE = """
import os, sys, time, threading
import perfplatform_sdk
from perfplatform_sdk import profile

@profile
def work():
    until = time.perf_counter() + 0.01
    while time.perf_counter() < until:
        len("x")

@profile("after the fork")
def child_work():
    work()
"""


def environment(url: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(SDK),
        "PERFPLATFORM_VERSION": "1",
        "PERFPLATFORM_URL": url,
        "PERFPLATFORM_KEY": KEY,
        "PERFPLATFORM_FLUSH_INTERVAL": "3600",
    }


def run(platform: FakePlatform, script: str, *, timeout: float = 20) -> tuple[float, str]:
    """Run a script to its end; the seconds that its end took, and its stderr."""
    last_line = "\nprint(time.monotonic(), flush=True)"
    result = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script) + last_line],
        env=environment(platform.url),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    ended = time.monotonic()
    assert result.returncode == 0, result.stderr
    return ended - float(result.stdout.split()[-1]), result.stderr


def calls(platform: FakePlatform) -> dict[str, int]:
    return {route: entry["count"] for (_, _, route), entry in platform.entries().items()}


def test_short_script_arrives_whole(platform: FakePlatform) -> None:
    _, said = run(platform, "perfplatform_sdk.init(engine='pyinstrument'); work(); work()")
    assert calls(platform) == {"__main__.work": 2}
    assert [profile["endpoint"] for profile in platform.profiles] == ["__main__.work"] * 2
    assert said == ""


def test_exit_by_an_exception_arrives(platform: FakePlatform) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PRELUDE + "perfplatform_sdk.init(); work(); 1 / 0"],
        env=environment(platform.url),
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert result.returncode == 1
    assert result.stderr.strip().endswith("ZeroDivisionError: division by zero")
    assert calls(platform) == {"__main__.work": 1}


@pytest.mark.slow
def test_what_is_recorded_while_the_interpreter_ends_does_no_harm(platform: FakePlatform) -> None:
    _, said = run(
        platform,
        """
        import atexit
        atexit.register(work)  # runs before ours
        perfplatform_sdk.init()
        import weakref
        class Late:
            def __del__(self): work()
        late = Late()
        sys.late = late
        """,
    )
    assert said == ""


def test_black_hole_delays_the_end_by_no_more_than_the_deadline(platform: FakePlatform) -> None:
    platform.behaviour = fakes.black_hole
    seconds, said = run(platform, "perfplatform_sdk.init(exit_timeout=0.5); work()")
    assert 0.45 < seconds < 3
    assert "Traceback" not in said


@pytest.mark.slow
def test_platform_that_is_down_delays_the_end_by_no_more_than_the_deadline(platform: FakePlatform) -> None:
    platform.behaviour = fakes.reset
    seconds, said = run(platform, "perfplatform_sdk.init(exit_timeout=0.5); work()")
    assert 0.2 < seconds < 3  # it was tried more than once
    assert "Traceback" not in said


@pytest.mark.slow
def test_500_and_then_ok_at_the_exit_still_arrives(platform: FakePlatform) -> None:
    platform.behaviour = fakes.first(2, fakes.status(500))
    run(platform, "perfplatform_sdk.init(); work()")
    assert calls(platform) == {"__main__.work": 1}


def test_fork_gives_the_child_a_life_of_its_own(platform: FakePlatform) -> None:
    run(
        platform,
        """
        perfplatform_sdk.init()
        work()                      # the parent's, with its thread already running
        child = os.fork()
        if child == 0:
            child_work()
            sys.exit(0)
        os.waitpid(child, 0)
        work()
        """,
    )
    # What the parent holds is sent by the parent alone; the child sends its own, under an id of its own.
    assert calls(platform) == {"__main__.work": 3, "after the fork": 1}
    instances = {batch["process"]["instance"]: batch["process"]["pid"] for batch in platform.batches}
    assert len(instances) == len(set(instances.values())) == 2
    ids = [profile["id"] for profile in platform.profiles]
    assert len(ids) == len(set(ids))


@pytest.mark.slow
def test_fork_while_a_batch_is_on_its_way_is_no_burden_to_the_child(platform: FakePlatform) -> None:
    platform.behaviour = fakes.first(1, fakes.black_hole)
    run(
        platform,
        """
        perfplatform_sdk.init(exit_timeout=0.2, flush_interval=0.05)
        work()
        time.sleep(0.3)             # the parent's thread waits for an answer by now
        child = os.fork()
        if child == 0:
            child_work()
            assert perfplatform_sdk.flush(10)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """,
    )
    assert calls(platform) == {"after the fork": 1, "__main__.work": 1}


@pytest.mark.slow
def test_fork_inside_a_recorded_call_counts_it_once(platform: FakePlatform) -> None:
    run(
        platform,
        """
        perfplatform_sdk.init()
        @profile("forking")
        def forking():
            return os.fork()
        child = forking()
        if child == 0:
            child_work()
            sys.exit(0)
        os.waitpid(child, 0)
        """,
    )
    assert calls(platform) == {"forking": 1, "after the fork": 1, "__main__.work": 1}


@pytest.mark.slow
def test_fork_while_other_threads_record_does_not_hang(platform: FakePlatform) -> None:
    run(
        platform,
        """
        perfplatform_sdk.init()
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                with profile("busy"):
                    pass
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads: thread.start()
        children = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                work()
                sys.stdout.flush()
                perfplatform_sdk.shutdown()
                os._exit(0)
            children.append(child)
        for child in children: os.waitpid(child, 0)
        stop.set()
        for thread in threads: thread.join()
        """,
    )
    assert calls(platform)["__main__.work"] == 10


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_multiprocessing_arrive(platform: FakePlatform, method: str, tmp_path: Path) -> None:
    script = tmp_path / "workers.py"
    script.write_text(
        PRELUDE
        + textwrap.dedent(
            f"""
            import multiprocessing
            perfplatform_sdk.init()
            if __name__ == "__main__":
                context = multiprocessing.get_context("{method}")
                workers = [context.Process(target=work) for _ in range(2)]
                for worker in workers: worker.start()
                for worker in workers: worker.join()
            """
        )
    )
    result = subprocess.run(
        [sys.executable, str(script)],
        env=environment(platform.url),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 0, result.stderr
    assert sum(calls(platform).values()) == 2


def test_graceful_stop_by_a_signal_arrives(platform: FakePlatform) -> None:
    script = PRELUDE + textwrap.dedent(
        """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        perfplatform_sdk.init()
        work()
        print("ready", flush=True)
        time.sleep(30)
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment(platform.url), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert calls(platform) == {"__main__.work": 1}


def test_sigterm_kills_as_it_does_without_us(platform: FakePlatform) -> None:
    script = PRELUDE + "perfplatform_sdk.init(); work(); print('ready', flush=True); time.sleep(30)"
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment(platform.url), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


@pytest.mark.slow
def test_signal_handler_that_records_does_not_hang(platform: FakePlatform) -> None:
    run(
        platform,
        """
        import signal
        perfplatform_sdk.init(overhead_budget=64)
        def handle(*_):
            with profile("handler"):
                pass
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        until = time.monotonic() + 1
        while time.monotonic() < until:
            with profile("main"):
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        """,
    )
    assert calls(platform)["handler"] > 50
    assert "internal_error" not in platform.dropped()


def test_import_alone_starts_nothing_and_needs_no_framework(platform: FakePlatform) -> None:
    run(
        platform,
        """
        assert threading.active_count() == 1
        perfplatform_sdk.init()
        assert threading.active_count() == 1
        assert not {"flask", "werkzeug", "django", "asyncio"} & set(sys.modules)
        """,
    )
    assert platform.posts == []


APP = """
import flask, perfplatform_sdk, sys
from perfplatform_sdk.integrations.flask import PerfPlatform

perfplatform_sdk.init()
app = flask.Flask(__name__)
PerfPlatform(app)

@app.get("/hello/<name>")
def hello(name):
    return f"hello {name}"
"""


def test_graceful_stop_of_a_gunicorn_worker_arrives(platform: FakePlatform, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--workers=1",
            f"--bind=fd://{server.fileno()}",
            "shop:app",
        ]
        process = subprocess.Popen(
            command,
            env={**environment(platform.url), "PYTHONPATH": f"{SDK}{os.pathsep}{tmp_path}"},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            pass_fds=[server.fileno()],
            text=True,
        )
        with process:
            for _ in range(5):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/hello/you", timeout=20) as answer:
                    assert answer.read() == b"hello you"
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert calls(platform) == {"/hello/<name>": 5}
    assert "Traceback" not in said
