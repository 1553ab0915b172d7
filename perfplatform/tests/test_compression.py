"""A collection becomes a compressed one with all that it had, and a kill in between loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from perfplatform import compression, mongo

NAME = "test_compressed"
PARTS = (NAME, f"{NAME}__compressed", f"{NAME}__uncompressed")

pytestmark = pytest.mark.django_db


@pytest.fixture
def database() -> Iterator[Database[Any]]:
    found = mongo.database()
    yield found
    for name in PARTS:
        found.drop_collection(name)


def filled(database: Database[Any]) -> Collection[Any]:
    rows: Collection[Any] = database[NAME]
    rows.insert_many([{"_id": number, "expires_at": None, "text": "x" * 50} for number in range(300)])
    rows.create_index([("text", 1), ("_id", -1)], name="by_text")
    rows.create_index("expires_at", name="ttl", expireAfterSeconds=0)
    rows.create_index("seldom", name="seldom", sparse=True)
    return rows


def check(database: Database[Any], rows: list[Any]) -> None:
    assert list(database[NAME].find(sort=[("_id", 1)])) == rows
    [found] = database.list_collections(filter={"name": {"$in": list(PARTS)}})
    assert found["options"]["storageEngine"] == compression.ENGINE
    indexes = database[NAME].index_information()
    assert sorted(indexes) == ["_id_", "by_text", "seldom", "ttl"]
    assert indexes["by_text"]["key"] == [("text", 1), ("_id", -1)]
    assert indexes["ttl"]["expireAfterSeconds"] == 0
    assert indexes["seldom"]["sparse"] is True
    details = database.command("collStats", NAME, indexDetails=True)
    for said in [details["wiredTiger"], *details["indexDetails"].values()]:
        assert "block_compressor=zstd" in said["creationString"]


def test_documents_and_indexes_stay(database: Database[Any]) -> None:
    filled(database)
    before = list(database[NAME].find(sort=[("_id", 1)]))
    compression.rebuild(database, NAME)
    check(database, before)
    identity = database[NAME].options(), database.command("collStats", NAME)["wiredTiger"]["uri"]
    compression.rebuild(database, NAME)
    assert (database[NAME].options(), database.command("collStats", NAME)["wiredTiger"]["uri"]) == identity


def test_collection_that_is_not_there_is_no_error(database: Database[Any]) -> None:
    compression.rebuild(database, NAME)
    assert NAME not in database.list_collection_names()


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("calls", range(7))
@pytest.mark.parametrize("written_meanwhile", [False, True])
def test_a_kill_between_any_two_commands_loses_nothing(
    database: Database[Any], monkeypatch: pytest.MonkeyPatch, calls: int, *, written_meanwhile: bool
) -> None:
    rows = filled(database)
    left = iter(range(calls))
    with monkeypatch.context() as patch:
        for owner, name in (
            (Collection, "rename"),
            (Collection, "aggregate"),
            (Database, "drop_collection"),
            (Database, "create_collection"),
        ):
            patch.setattr(owner, name, dying(getattr(owner, name), left))
        with suppress(Killed):
            compression.rebuild(database, NAME)
    expected = dict.fromkeys(range(300), "x" * 50)
    if written_meanwhile:
        # An old process writes wherever the name points to now, be it nowhere.
        rows.insert_one({"_id": 1_000, "expires_at": None, "text": "late"})
        expected[1_000] = "late"
    compression.rebuild(database, NAME)
    check(database, [{"_id": key, "expires_at": None, "text": text} for key, text in expected.items()])


def dying(command: Any, left: Iterator[int]) -> Any:
    def called(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise Killed
        return command(*arguments, **options)

    return called
