"""Ingest while MongoDB is away: a mongod of this test's own, which it stops and starts again."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from perfplatform import mongo
from profiles.models import Profile
from profiles.tests import batches
from projects.models import Version
from projects.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def mongod_program() -> str:
    found = shutil.which("mongod")
    return found or str(Path(sysconfig.get_path("purelib")) / "fiftyone" / "db" / "bin" / "mongod")


class OwnMongod:
    """A replica set of one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.uri = f"mongodb://127.0.0.1:{self.port}/?replicaSet=rs0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket", "--quiet"]
        options += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"]
        address = ["--dbpath", str(self.folder), "--bind_ip", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [mongod_program(), *address, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._await_primary()

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def _await_primary(self) -> None:
        direct = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        deadline = time.monotonic() + 60
        client: MongoClient[Any] = MongoClient(direct, serverSelectionTimeoutMS=500)
        with client:
            while time.monotonic() < deadline:
                try:
                    if client.admin.command("hello")["isWritablePrimary"]:
                        return
                    self._initiate(client)
                except PyMongoError:
                    pass
                time.sleep(0.1)
        raise TimeoutError("the test's own mongod did not become primary")

    def _initiate(self, client: MongoClient[Any]) -> None:
        members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
        try:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        except OperationFailure as error:
            if error.code != 23:  # AlreadyInitialized
                raise


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[OwnMongod]:
    """Django talks to this mongod instead of the tests' common one."""
    connection = connections["default"]
    server = OwnMongod(tmp_path)
    common = connection.settings_dict["HOST"]
    server.start()
    try:
        mongo.close_pool()
        connection.settings_dict["HOST"] = server.uri
        Version.objects.forget()
        yield server
    finally:
        mongo.close_pool()
        connection.settings_dict["HOST"] = common
        connection.connect()
        server.stop()


@pytest.mark.long
def test_mongodb_down(own_mongod: OwnMongod) -> None:
    client = factories.bearer(factories.project_key(factories.project("Outage")))
    first, second = (json.dumps(batches.batch(batches.profile())) for _ in range(2))
    assert client.post("/api/v1/ingest/", first, content_type="application/json").status_code == 202

    own_mongod.stop()
    began = time.monotonic()
    response = client.post("/api/v1/ingest/", second, content_type="application/json")
    assert time.monotonic() - began < 8
    assert (response.status_code, response.json()["code"], response.json()["data"]) == (503, 10005, {})

    own_mongod.start()
    for sent in (second, first):
        response = client.post("/api/v1/ingest/", sent, content_type="application/json")
        assert (response.status_code, response.json()["data"]) == (202, {"accepted": 1, "rejected": []})
    assert Profile.objects.count() == 2
