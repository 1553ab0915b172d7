"""On a replica set of three: its primary dies during load, and nothing that was acknowledged is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.conftest import ROOT
from tests.e2e.test_durability import PROFILES_IN_A_BATCH, Load, make_project
from tests.instance import Instance, free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NAME = "rs0"
MEMBERS = 3
# Instead of 10 s: a test need not wait so long to see that nobody answers.
ELECTION_MS = 2_000


class ReplicaSet:
    """Three members on this machine."""

    def __init__(self, dev: ModuleType, folder: Path) -> None:
        program = dev.find_server("mongod", dev.Environment(ROOT / ".venv").site_packages())
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self._commands: dict[int, list[str]] = {}
        for _number in range(MEMBERS):
            port = free_port()
            (folder / str(port)).mkdir()
            self._commands[port] = dev.mongod_command(program, folder / str(port), port)
        self.hosts = ",".join(f"127.0.0.1:{port}" for port in self._commands)
        self.uri = f"mongodb://{self.hosts}/perfplatform?replicaSet={NAME}"

    def start(self) -> None:
        for port in self._commands:
            self.start_member(port)
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self._commands)]
        settings = {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 500}
        config = {"_id": NAME, "members": members, "settings": settings}
        first = next(iter(self._commands))
        with MongoClient[dict[str, Any]]("127.0.0.1", first, directConnection=True) as client:
            client.admin.command("replSetInitiate", config)
        wait_until(lambda: self.states().count("SECONDARY") == MEMBERS - 1 and self.primary(), 60)

    def start_member(self, port: int) -> None:
        self.processes[port] = subprocess.Popen(
            self._commands[port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill_primary(self) -> int:
        """Without a chance to hand over; returns its port."""
        port = self.primary()
        assert port
        self.processes[port].kill()
        self.processes[port].wait(30)
        return port

    def primary(self) -> int:
        """The port of the member that takes writes, 0 while there is none."""
        for port, process in self.processes.items():
            if process.poll() is None and self._hello(port).get("isWritablePrimary"):
                return port
        return 0

    def states(self) -> list[str]:
        for port, process in self.processes.items():
            if process.poll() is None:
                try:
                    with self._client(port) as client:
                        members = client.admin.command("replSetGetStatus")["members"]
                    return [member["stateStr"] for member in members]
                except PyMongoError:
                    continue
        return []

    def end(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(30)

    def _hello(self, port: int) -> dict[str, Any]:
        try:
            with self._client(port) as client:
                return dict(client.admin.command("hello"))
        except PyMongoError:
            return {}

    def _client(self, port: int) -> MongoClient[dict[str, Any]]:
        return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=2_000)


@pytest.fixture(scope="module")
def replica_set(dev: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    made = ReplicaSet(dev, tmp_path_factory.mktemp("members"))
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def instance(replica_set: ReplicaSet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The product on that replica set; its pages read from secondaries where there are any."""
    made = Instance(
        tmp_path_factory.mktemp("product"),
        demo=False,
        variables={"MONGODB_URI": replica_set.uri, "MONGODB_READ_PREFERENCE": "secondaryPreferred"},
    )
    try:
        made.start()
        yield made
    finally:
        if made.process:
            made.stop()


def survives_its_primary(replica_set: ReplicaSet, instance: Instance, project: str, key: str) -> set[str]:
    """Load, the death of the primary in the midst of it, and all members again; what was acknowledged."""
    with Load(instance, key) as load:
        wait_until(lambda: len(load.acknowledged) >= 10 * PROFILES_IN_A_BATCH, 60)
        dead = replica_set.kill_primary()
        enough = len(load.acknowledged) + 10 * PROFILES_IN_A_BATCH
        # Another one is elected, and ingest goes on by itself.
        wait_until(lambda: len(load.acknowledged) >= enough, 90)
    wait_until(lambda: not load.acknowledged - instance.profile_ids(project), 60)
    replica_set.start_member(dead)
    wait_until(lambda: replica_set.states().count("SECONDARY") == MEMBERS - 1, 90)
    return load.acknowledged


def test_nothing_acknowledged_is_lost_with_the_primary(replica_set: ReplicaSet, instance: Instance) -> None:
    project, key = make_project(instance)
    acknowledged = survives_its_primary(replica_set, instance, project, key)
    acknowledged |= survives_its_primary(replica_set, instance, project, key)
    # What a dead primary had and nobody else is rolled back; what was acknowledged stays.
    wait_until(lambda: not acknowledged - instance.profile_ids(project), 60)


def test_a_lone_member_takes_nothing_in_and_goes_on_with_a_majority(
    replica_set: ReplicaSet, instance: Instance
) -> None:
    project, key = make_project(instance)
    ports = [replica_set.kill_primary()]
    wait_until(replica_set.primary, 60)
    ports.append(replica_set.kill_primary())
    with Load(instance, key) as load:
        time.sleep(15)
        assert not load.acknowledged
        for port in ports:
            replica_set.start_member(port)
        wait_until(lambda: len(load.acknowledged) >= PROFILES_IN_A_BATCH, 90)
    wait_until(lambda: not load.acknowledged - instance.profile_ids(project), 60)
