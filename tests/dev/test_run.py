"""`./dev run` as a person meets it: start, look, stop, start again, and what may befall it."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.instance import Instance, descendants, is_alive, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    made = Instance(tmp_path_factory.mktemp("run"))
    try:
        made.start()
        yield made
    finally:
        if made.process:
            made.stop()


def endpoints_seen(instance: Instance) -> set[str]:
    project = instance.status()["demo"]["project_id"]
    items = instance.api("GET", f"projects/{project}/profiles/", params={"page_size": "100"})["items"]
    return {item["endpoint"] for item in items}


def test_the_printed_block_says_where_to_go_and_how_to_log_in(running: Instance) -> None:
    block = running.output
    known = running.status()
    assert f"Address   {running.url('/')}" in block
    assert "User      admin" in block
    assert f"Password  {known['password']}" in block
    assert f"Demo      {running.url('/projects/')}{known['demo']['slug']}/" in block


def test_status_tells_scripts_all_they_need(running: Instance) -> None:
    found = running.status()
    assert found["ready"] is True
    assert found["url"] == running.url("")
    assert set(found["pids"]) == {"mongod", "valkey", "web", "worker", "beat", "demo", "traffic"}
    assert all(is_alive(pid) for pid in found["pids"].values())
    assert found["token"].startswith("ppt_")
    assert found["demo"]["key"].startswith("ppk_")
    assert running.ask("status").returncode == 0


def test_the_secrets_are_the_owners_alone(running: Instance) -> None:
    assert stat.S_IMODE((running.data / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700
    assert running.ask("password").stdout.strip() == running.status()["password"]


def test_the_demo_shows_five_endpoints_within_a_minute(running: Instance) -> None:
    seen: set[str] = set()

    def enough() -> bool:
        seen.update(endpoints_seen(running))
        return len(seen) >= 5

    wait_until(enough, 60, lambda: f"only {seen}")


def test_a_second_run_on_the_same_data_says_that_one_is_running(running: Instance) -> None:
    second = running.ask("run", "--port", str(running.port + 1))
    assert second.returncode == 1
    assert second.stderr.startswith(
        f"./dev: It is already running at {running.url('')} (process {running.pid})"
    )


def test_manage_works_on_the_running_instance(running: Instance) -> None:
    done = running.ask("manage", "first_admin")
    assert done.returncode == 0, done.stderr
    assert "Starting" not in done.stdout
    assert running.runs


def test_ctrl_c_leaves_no_process_and_the_next_start_has_the_data(running: Instance) -> None:
    project = running.status()["demo"]["project_id"]
    before = running.profile_ids(project)
    assert before
    ours = descendants(running.pid)
    # Three servers, each with children of its own, the two stores, the demo and the watchdog.
    assert len(ours) >= 10
    assert running.stop(signal.SIGINT) == 0
    assert not [pid for pid in ours if is_alive(pid)]
    assert running.output.endswith("Stopped.\n")
    gone = running.ask("status", "--json")
    assert gone.returncode == 1
    assert '"ready": false' in gone.stdout

    running.start()
    assert running.profile_ids(project) >= before


def test_sigterm_does_the_same(running: Instance) -> None:
    ours = descendants(running.pid)
    assert running.stop(signal.SIGTERM) == 0
    assert not [pid for pid in ours if is_alive(pid)]
    running.start()


def test_kill_9_of_dev_itself_leaves_nothing_and_hinders_nothing(running: Instance) -> None:
    ours = descendants(running.pid)
    running.stop(signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in ours), 20)
    assert running.ask("status").returncode == 1
    running.start()


def test_a_crashed_child_is_reported_with_its_log_and_ends_the_run(running: Instance) -> None:
    ours = descendants(running.pid)
    os.kill(running.status()["pids"]["web"], signal.SIGKILL)
    assert running.wait_for_its_end() == 1
    assert "./dev: web was killed by SIGKILL." in running.output
    assert re.search(r"The end of .*/data/logs/web\.log:\n\S", running.output)
    assert "Traceback" not in running.output.partition("The end of")[0]
    assert not [pid for pid in ours if is_alive(pid)]


def test_manage_starts_the_servers_itself_when_nothing_runs(running: Instance) -> None:
    assert not running.runs
    done = running.ask("manage", "shell", "-c", "from projects.models import User; print(User.objects.get())")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Starting mongod and valkey"
    assert done.stdout.splitlines()[-1] == "admin"


def test_public_url_with_a_path_leads_everywhere(tmp_path: Path) -> None:
    public = "https://perf.example.com/tools/perf"
    instance = Instance(tmp_path, demo=False, variables={"PUBLIC_URL": public + "/"})
    try:
        found = instance.start()
        assert found["url"] == public
        assert found["demo"] is None
        assert found["pids"]["demo"] is None
        assert f"Address   {public}/" in instance.output
        page = requests.get(
            instance.url("/tools/perf/login/"), headers={"Host": "perf.example.com"}, timeout=10
        )
        assert page.status_code == 200
        assert 'action="/login/' not in page.text
    finally:
        instance.stop()
