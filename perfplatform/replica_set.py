"""`python -I replica_set.py PORT` makes the mongod there a replica set of one and waits till it takes writes.

Transactions and majority acknowledgement need a replica set. Its member's address is stored in the data, so a
port that has changed since is written there by force: a lone member has nobody to outvote.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure

NAME = "rs0"
NOT_YET_INITIALIZED = 94
PATIENCE_S = 40.0

Client = MongoClient[dict[str, Any]]


def make_primary(port: int) -> None:
    """Returns once the server takes writes. Raises PyMongoError when it can't be reached or made to."""
    address = f"127.0.0.1:{port}"
    milliseconds = int(PATIENCE_S * 1000)
    with Client("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=milliseconds) as client:
        config = stored_config(client)
        if config is None:
            members = [{"_id": 0, "host": address}]
            client.admin.command("replSetInitiate", {"_id": NAME, "members": members})
        elif [member["host"] for member in config["members"]] != [address]:
            config["members"] = [{**config["members"][0], "host": address}]
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)
        wait_until_writable(client)


def stored_config(client: Client) -> dict[str, Any] | None:
    """The set's configuration in the server's data; None if it never had one."""
    try:
        found: dict[str, Any] = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == NOT_YET_INITIALIZED:
            return None
        raise
    return found


def wait_until_writable(client: Client) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
        except AutoReconnect:
            # Becoming primary closes connections.
            pass
        time.sleep(0.05)
    raise TimeoutError(f"mongod did not become primary within {PATIENCE_S:.0f} s")


if __name__ == "__main__":
    make_primary(int(sys.argv[1]))
