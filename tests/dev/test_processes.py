"""Programs are started, watched and ended with all that they started themselves: real ones, throughout."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.e2e

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
# A program with a child of its own that ignores SIGTERM; prints the child's pid.
PARENT = [
    sys.executable,
    "-c",
    f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
""",
]


@pytest.fixture
def supervisor(dev: ModuleType, tmp_path: Path) -> Iterator[Any]:
    with dev.Supervisor(tmp_path / "logs") as made:
        yield made


def is_alive(dev: ModuleType, pid: int) -> bool:
    process = dev.process_table().get(pid)
    return process is not None and not process.is_dead


def wait_until(condition: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def start_parent(supervisor: Any, name: str = "parent") -> tuple[int, int]:
    """Pids of the program and of its child."""
    pid = supervisor.start(name, PARENT, variables=os.environ, order=0)
    log = supervisor.logs / f"{name}.log"
    wait_until(lambda: log.read_text().splitlines()[-1:][0].isdigit())
    return pid, int(log.read_text().splitlines()[-1])


def test_the_end_takes_grandchildren_along(dev: ModuleType, supervisor: Any) -> None:
    pids = start_parent(supervisor)
    assert all(is_alive(dev, pid) for pid in pids)
    supervisor.end_all()
    assert not any(is_alive(dev, pid) for pid in pids)


def test_a_stopped_program_is_killed_after_the_grace(dev: ModuleType, supervisor: Any) -> None:
    pid, _child = start_parent(supervisor)
    os.kill(pid, signal.SIGSTOP)
    dev.end_groups([pid], grace_s=0.5)
    assert not is_alive(dev, pid)


def test_a_crash_is_reported_with_the_end_of_its_own_log(
    dev: ModuleType, supervisor: Any, tmp_path: Path
) -> None:
    (supervisor.logs / "web.log").write_text("from an earlier start\n")
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    supervisor.start("web", command, variables=os.environ, order=1)
    with pytest.raises(dev.Trouble) as caught:
        supervisor.wait_for(lambda: False, seconds=20, otherwise=lambda: "too late")
    assert str(caught.value).startswith("web ended with exit code 3.\n")
    assert str(caught.value).endswith("web.log:\nthe reason")


def test_finish_returns_the_output_or_says_what_failed(dev: ModuleType, supervisor: Any) -> None:
    said = supervisor.finish("hello", [sys.executable, "-c", "print('hello')"], variables=os.environ)
    assert said == "hello\n"
    with pytest.raises(dev.Trouble, match="fail ended with exit code 1"):
        supervisor.finish("fail", [sys.executable, "-c", "raise SystemExit('no')"], variables=os.environ)


def test_finish_gives_up_when_a_server_dies_meanwhile(dev: ModuleType, supervisor: Any) -> None:
    supervisor.start("mongod", [sys.executable, "-c", "raise SystemExit(14)"], variables=os.environ, order=2)
    with pytest.raises(dev.Trouble, match="mongod ended with exit code 14"):
        supervisor.finish(
            "migrate", [sys.executable, "-c", "import time; time.sleep(600)"], variables=os.environ
        )


def test_waiting_ends_with_a_reason(dev: ModuleType, supervisor: Any) -> None:
    with pytest.raises(dev.Trouble, match="the shop is shut"):
        supervisor.wait_for(lambda: False, seconds=0.2, otherwise=lambda: "the shop is shut")


def test_a_signal_stops_the_wait(dev: ModuleType, supervisor: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(dev.Stopped):
        supervisor.watch()


def test_the_log_of_a_long_run_does_not_grow_for_ever(
    dev: ModuleType, supervisor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "LOG_LIMIT_BYTES", 1000)
    log = supervisor.logs / "web.log"
    loop = "import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.01)"
    supervisor.start("web", [sys.executable, "-c", loop], variables=os.environ, order=1)
    wait_until(lambda: log.stat().st_size > 2000)
    dev.keep_short(log)
    assert log.stat().st_size < 1000
    assert (supervisor.logs / "web.log.1").stat().st_size > 2000
    # What is written after that follows from the beginning, without a hole.
    wait_until(lambda: log.stat().st_size > 300)
    assert b"\0" not in log.read_bytes()
    assert dev.said(supervisor.children["web"]).startswith("xxx")


@pytest.fixture
def script(tmp_path: Path) -> subprocess.Popen[str]:
    """Another Python that supervises a PARENT with a child; prints their pids, then only waits."""
    text = f"""
        import os, sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from importlib.machinery import SourceFileLoader
        import importlib.util
        sys.dont_write_bytecode = True
        loader = SourceFileLoader("dev", {str(ROOT / "dev")!r})
        dev = importlib.util.module_from_spec(importlib.util.spec_from_loader("dev", loader))
        loader.exec_module(dev)
        supervisor = dev.Supervisor(Path({str(tmp_path)!r}) / "logs")
        pid = supervisor.start("parent", {PARENT!r}, variables=os.environ, order=0)
        log = supervisor.logs / "parent.log"
        last = lambda: log.read_text().strip().splitlines()[-1]
        supervisor.wait_for(lambda: last().isdigit(), seconds=20, otherwise=str)
        print(pid, last(), supervisor._watchdog.pid, flush=True)
        supervisor.watch()
    """
    command = [sys.executable, "-c", textwrap.dedent(text)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_kill_9_of_the_supervisor_leaves_nothing(dev: ModuleType, script: subprocess.Popen[str]) -> None:
    assert script.stdout
    pids = [int(text) for text in script.stdout.readline().split()]
    assert len(pids) == 3
    assert all(is_alive(dev, pid) for pid in pids)
    script.kill()
    script.wait()
    wait_until(lambda: not any(is_alive(dev, pid) for pid in pids))
    script.stdout.close()


def test_what_even_the_watchdog_left_is_ended_by_the_next_start(
    dev: ModuleType, script: subprocess.Popen[str]
) -> None:
    assert script.stdout
    pid, child, watchdog = (int(text) for text in script.stdout.readline().split())
    started = dev.process_table()[pid].started
    for victim in (watchdog, script.pid, pid):
        os.kill(victim, signal.SIGKILL)
    script.wait()
    wait_until(lambda: not is_alive(dev, pid))
    assert is_alive(dev, child)
    state = {"boot": dev.boot_id(), "groups": {"parent": [pid, started]}}
    dev.clean_up({**state, "boot": "another boot"})
    assert is_alive(dev, child)
    dev.clean_up(state)
    assert not is_alive(dev, child)
    script.stdout.close()


def test_a_stranger_who_got_the_number_later_is_left_alone(dev: ModuleType) -> None:
    table = {
        10: dev.Process(group=10, started="5", is_dead=False),
        20: dev.Process(group=20, started="99", is_dead=False),
        31: dev.Process(group=30, started="6", is_dead=False),
        40: dev.Process(group=40, started="7", is_dead=True),
    }
    recorded = {10: "5", 20: "5", 30: "5", 40: "7", 50: "5"}
    assert dev.leftovers(recorded, table) == [10, 30]


def test_processes_are_read_from_proc_and_from_ps(dev: ModuleType) -> None:
    stat = "71 (a) b) (c) S 1 70 70 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456 99 1"
    assert dev.parse_stat(stat) == dev.Process(group=70, started="123456", is_dead=False)
    text = "    1     1 Ss   Sun Nov 22 19:16:00 2026\n  400   399 Z+   Sun Nov 22 19:17:00 2026\n"
    assert dev.parse_ps(text) == {
        1: dev.Process(1, "Sun Nov 22 19:16:00 2026", False),
        400: dev.Process(399, "Sun Nov 22 19:17:00 2026", True),
    }


def test_a_program_in_the_foreground_gets_what_is_sent_to_us(dev: ModuleType) -> None:
    """SIGTERM is passed on; SIGINT comes to it from the terminal."""
    wait_a_little = "import time; time.sleep(600)"
    killer = [sys.executable, "-c", f"import os, time; time.sleep(1); os.kill({os.getpid()}, 15)"]
    with subprocess.Popen(killer):
        assert dev.in_foreground([sys.executable, "-c", wait_a_little], os.environ) == -signal.SIGTERM
