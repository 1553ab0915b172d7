from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any, Callable

import pymongo
import pytest
from counted import Count, Counts, a_request, server_address
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError
from pymongo.monitoring import CommandListener

from perfplatform_sdk import hooks

DATABASE = f"perfplatform_sdk_{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def hooked(start: Callable[..., None]) -> Iterator[None]:
    start(engine="none", statement_shapes=True)
    yield
    hooks.uninstall()


@pytest.fixture
def orders(hooked: None) -> Iterator[Any]:
    with MongoClient(server_address("MONGODB_URI")) as client:
        orders = client[DATABASE].orders
        orders.insert_many([{"_id": number, "user": number % 2, "status": "secret"} for number in range(300)])
        yield orders
        client.drop_database(DATABASE)


def look_up(orders: Any) -> Any:
    return orders.find_one({"user": 1, "status": "secret"})


def test_commands_are_counted_with_their_caller(orders: Any) -> None:
    with a_request() as counts:
        found = [look_up(orders) for _ in range(3)]
        assert len(list(orders.find({"$or": [{"_id": {"$lt": 250}}, {"user": 7}]}, batch_size=100))) == 250
        orders.update_one({"_id": 1}, {"$set": {"status": "another secret"}})
        orders.delete_many({"user": 5})
        orders.insert_one({"_id": "new"})
        list(orders.aggregate([{"$match": {"user": 1}}, {"$group": {"_id": "$status"}}]))
    assert found == [{"_id": 1, "user": 1, "status": "secret"}] * 3
    here = test_commands_are_counted_with_their_caller.__name__
    assert counts.rows == [
        Count("db", "look_up", "find orders {status, user}", 3),
        Count("db", here, "find orders {_id, user}", 1),
        Count("db", here, "getMore orders", 2),
        Count("db", here, "update orders {_id}", 1),
        Count("db", here, "delete orders {user}", 1),
        Count("db", here, "insert orders", 1),
        Count("db", here, "aggregate orders $match $group {user}", 1),
    ]
    assert all(time_us > 0 for time_us in counts.times_us.values())


def test_outside_a_request_nothing_is_counted(orders: Any) -> None:
    look_up(orders)
    with a_request() as counts:
        pass
    look_up(orders)
    assert counts.rows == []


def test_failing_command_is_counted_and_raises_as_ever(orders: Any) -> None:
    with a_request() as counts:
        with pytest.raises(DuplicateKeyError):
            orders.insert_one({"_id": 1})
        with pytest.raises(pymongo.errors.OperationFailure):
            orders.database.command("nonsense", 1)
    assert counts.shapes() == [("insert orders", 1), ("nonsense", 1)]


def test_bulk_is_counted_by_its_commands(orders: Any) -> None:
    writes = [pymongo.UpdateOne({"_id": number}, {"$set": {"user": 3}}) for number in range(50)]
    with a_request() as counts:
        assert orders.bulk_write([*writes, pymongo.DeleteOne({"user": 3})]).deleted_count == 1
    assert counts.shapes() == [("update orders {_id}", 1), ("delete orders {user}", 1)]


@pytest.mark.skipif(not hasattr(pymongo, "AsyncMongoClient"), reason="this pymongo has no asyncio")
def test_concurrent_tasks_are_told_apart(orders: Any) -> None:
    async def serve(client: Any, times: int) -> Counts:
        with a_request() as counts:
            for _ in range(times):
                await client[DATABASE].orders.find_one({f"field_{'abc'[times - 1]}": 1})
        return counts

    async def serve_all() -> list[Counts]:
        async with pymongo.AsyncMongoClient(server_address("MONGODB_URI")) as client:
            return await asyncio.gather(*(serve(client, times) for times in (1, 2, 3)))

    assert [counts.rows for counts in asyncio.run(serve_all())] == [
        [Count("db", "serve", f"find orders {{field_{'abc'[times - 1]}}}", times)] for times in (1, 2, 3)
    ]


def test_listeners_of_the_app_hear_as_ever(hooked: None) -> None:
    heard: list[str] = []

    class Theirs(CommandListener):
        def started(self, event: Any) -> None:
            heard.append(event.command_name)

        def succeeded(self, event: Any) -> None:
            heard.append("succeeded")

        def failed(self, event: Any) -> None:
            heard.append("failed")

    with MongoClient(server_address("MONGODB_URI"), event_listeners=[Theirs()]) as client:
        client.admin.command("ping")
        heard.clear()
        with a_request() as counts:
            client.admin.command("ping")
    assert heard[:2] == ["ping", "succeeded"]
    assert counts.shapes() == [("ping", 1)]


def test_clients_go_on_uncounted_after_uninstall_and_counted_after_another_install(orders: Any) -> None:
    hooks.uninstall()
    with a_request() as before:
        look_up(orders)
    hooks.install(statement_shapes=True)
    hooks.install(statement_shapes=True)
    with a_request() as after:
        look_up(orders)
    assert (before.rows, after.shapes()) == ([], [("find orders {status, user}", 1)])
