"""202 means durable: whatever is killed, every acknowledged profile is there after the next start."""

from __future__ import annotations

import copy
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from tests.conftest import ROOT
from tests.deploy.browser import Browser
from tests.instance import Instance, free_port, wait_until

pytestmark = pytest.mark.timeout(600)

VECTOR: dict[str, Any] = json.loads((ROOT / "docs" / "vectors" / "batch.json").read_text())
PROFILES_IN_A_BATCH = 5
CLIENTS = 4

SDK_APP = """
import sys, time
import perfplatform_sdk
perfplatform_sdk.init(key=sys.argv[1], url=sys.argv[2], environment="test", version="1")
with perfplatform_sdk.profile("made while the database was away"):
    time.sleep(0.05)
print("recorded", flush=True)
print("delivered" if perfplatform_sdk.flush(90) else "not delivered", flush=True)
"""


def make_batch() -> tuple[dict[str, Any], list[str]]:
    """The batch of the shared vectors with fresh profiles, and their ids."""
    batch = {**VECTOR, "ledger": [], "profiles": []}
    started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    ids = [secrets.token_hex(16) for _number in range(PROFILES_IN_A_BATCH)]
    for identity in ids:
        batch["profiles"].append({**copy.copy(VECTOR["profiles"][0]), "id": identity, "started_at": started})
    return batch, ids


class Load:
    """Clients that send batches until told to stop, and remember what was acknowledged."""

    def __init__(self, instance: Instance, key: str) -> None:
        self.instance = instance
        self.key = key
        self.acknowledged: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _number in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=90)

    def _send(self) -> None:
        while not self._stop.is_set():
            batch, ids = make_batch()
            try:
                answer = self.instance.post_batch(self.key, batch)
            except requests.RequestException:
                # Nobody answered, so nothing was promised.
                time.sleep(0.05)
                continue
            if answer.status_code == 202:
                assert answer.json()["data"]["accepted"] == len(ids), answer.text
                self.acknowledged.update(ids)


def make_project(instance: Instance) -> tuple[str, str]:
    """Id and ingest key of a new project."""
    project = instance.api("POST", "projects/", json={"name": secrets.token_hex(4)})["id"]
    key = instance.api("POST", f"projects/{project}/keys/", json={"kind": "ingest", "name": "load"})["secret"]
    return project, key


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path, demo=False)
    yield made
    if made.process:
        made.stop()


def kill_rounds(instance: Instance, victims: list[str]) -> None:
    """In each round: load, kill -9 of one process in the midst of it, start again, count."""
    status = instance.start()
    project, key = make_project(instance)
    acknowledged: set[str] = set()
    for victim in victims:
        with Load(instance, key) as load:
            wait_until(lambda: len(load.acknowledged) >= 10 * PROFILES_IN_A_BATCH, 60)
            os.kill(status["pids"][victim], signal.SIGKILL)
            assert instance.wait_for_its_end() == 1
        assert f"{victim} was killed by SIGKILL" in instance.output
        acknowledged |= load.acknowledged
        status = instance.start()
        assert not acknowledged - instance.profile_ids(project), f"lost after the death of {victim}"
    assert len(acknowledged) >= len(victims) * 10 * PROFILES_IN_A_BATCH


def test_kill_9_loses_nothing_that_was_acknowledged(instance: Instance) -> None:
    kill_rounds(instance, ["web", "mongod", "worker"])


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_many_kills_lose_nothing_that_was_acknowledged(instance: Instance) -> None:
    kill_rounds(instance, ["web", "mongod", "worker"] * 8)


class OwnServers:
    """A mongod and a Valkey that ./dev run is only told of, so that their death does not end it."""

    def __init__(self, dev: ModuleType, folder: Path) -> None:
        environment = dev.Environment(ROOT / ".venv")
        self.ports = {"mongod": free_port(), "valkey": free_port()}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, list[str]] = {}
        for name, command in (("mongod", dev.mongod_command), ("valkey", dev.valkey_command)):
            (folder / name).mkdir()
            program = dev.find_server(name, environment.site_packages())
            self._commands[name] = command(program, folder / name, self.ports[name])
        self.variables = {
            "MONGODB_URI": dev.mongodb_uri(self.ports["mongod"]),
            "REDIS_URL": dev.redis_url(self.ports["valkey"]),
        }

    def start(self, name: str) -> None:
        self.processes[name] = subprocess.Popen(
            self._commands[name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if name == "mongod":
            script = ROOT / "perfplatform" / "replica_set.py"
            subprocess.run([sys.executable, "-I", script, str(self.ports["mongod"])], check=True, timeout=60)

    def send(self, name: str, number: int) -> None:
        self.processes[name].send_signal(number)
        if number == signal.SIGKILL:
            self.processes[name].wait(timeout=30)

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def servers(dev: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServers]:
    """Running ones. A test that ends one starts it again."""
    made = OwnServers(dev, tmp_path_factory.mktemp("servers"))
    try:
        for name in ("mongod", "valkey"):
            made.start(name)
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def guest(servers: OwnServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A `./dev run` that uses `servers`."""
    made = Instance(tmp_path_factory.mktemp("guest"), demo=False, variables=servers.variables)
    try:
        status = made.start()
        assert status["pids"]["mongod"] is None
        assert status["pids"]["valkey"] is None
        assert status["mongodb_uri"] == servers.variables["MONGODB_URI"]
        yield made
    finally:
        if made.process:
            made.stop()


def refused_as_database_error(instance: Instance, key: str) -> bool:
    answer = instance.post_batch(key, make_batch()[0])
    return answer.status_code == 503 and answer.json()["code"] == 10005


def test_a_dead_mongodb_is_503_and_the_sdk_delivers_later(servers: OwnServers, guest: Instance) -> None:
    project, key = make_project(guest)
    servers.send("mongod", signal.SIGKILL)
    wait_until(lambda: refused_as_database_error(guest, key), 60)
    assert guest.http.get(guest.url("/healthz"), timeout=10).status_code == 200
    ready = guest.http.get(guest.url("/readyz"), timeout=30)
    assert ready.status_code == 503
    assert ready.json()["mongodb"]["ok"] is False

    app = subprocess.Popen(
        [sys.executable, "-c", SDK_APP, key, guest.url("")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "sdk")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert app.stdout
    assert app.stdout.readline() == "recorded\n"
    # Long enough for the SDK to be refused at least once.
    time.sleep(5)
    servers.start("mongod")
    said, _nothing = app.communicate(timeout=120)
    assert said == "delivered\n"
    wait_until(lambda: len(guest.profile_ids(project)) == 1, 30)


def test_a_frozen_mongodb_is_503_and_what_is_sent_again_is_stored_once(
    servers: OwnServers, guest: Instance
) -> None:
    project, key = make_project(guest)
    batch, ids = make_batch()
    servers.send("mongod", signal.SIGSTOP)
    try:
        answer = guest.post_batch(key, batch)
        assert answer.status_code == 503
        assert answer.json()["code"] == 10005
    finally:
        servers.send("mongod", signal.SIGCONT)
    wait_until(lambda: guest.post_batch(key, batch).status_code == 202, 60)
    assert guest.profile_ids(project) == set(ids)


def test_without_redis_ingest_goes_on_and_nobody_is_logged_out(servers: OwnServers, guest: Instance) -> None:
    project, key = make_project(guest)
    status = guest.status()
    person = Browser(guest.url(""))
    person.log_in(status["username"], status["password"])
    servers.send("valkey", signal.SIGKILL)

    batch, ids = make_batch()
    answer = guest.post_batch(key, batch)
    assert answer.status_code == 202
    assert guest.profile_ids(project) == set(ids)
    page = person.get("/")
    assert "/login/" not in page.url
    assert guest.http.get(guest.url("/readyz"), timeout=30).json()["redis"]["ok"] is False

    servers.start("valkey")
    wait_until(lambda: guest.status()["ready"], 60)
    assert "/login/" not in person.get("/").url
