"""Collections that MongoDB keeps in small files; Django's Meta has no word for that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db.migrations import RunPython
from pymongo.database import Database
from pymongo.errors import OperationFailure

# zstd instead of snappy, for indexes as well, whose keys hold hexadecimal ids; blocks of 512 bytes instead of
# 4 KB, since compressed pages are of any size; larger pages, which compress better; and at most 1 MB that
# every checkpoint writes anew for what was added at the end.
# https://source.wiredtiger.com/11.0.0/struct_w_t___s_e_s_s_i_o_n.html (create)
_COMMON: Final = "block_compressor=zstd,allocation_size=512B,memory_page_max=1m"
ENGINE: Final = {"wiredTiger": {"configString": f"{_COMMON},leaf_page_max=128k"}}
INDEX_ENGINE: Final = {"wiredTiger": {"configString": f"{_COMMON},leaf_page_max=16k"}}
OPTIONS: Final[dict[str, Any]] = {
    "storageEngine": ENGINE,
    "indexOptionDefaults": {"storageEngine": INDEX_ENGINE},
}

_ALREADY_THERE: Final = 48  # NamespaceExists


def compress(*tables: str) -> RunPython:
    """A migration step: keep these collections compressed, with all documents and indexes that they have.

    A kill at any moment loses nothing: run again, it goes on. What is written to a collection in the instant
    between two renames is copied as well.
    """

    def apply(_apps: Any, schema_editor: Any) -> None:
        for table in tables:
            rebuild(schema_editor.connection.database, table)

    return RunPython(apply, RunPython.noop)


def rebuild(database: Database[Any], table: str) -> None:
    """Do it for one collection; one that is not there, or is compressed already, stays as it is."""
    made, old = f"{table}__compressed", f"{table}__uncompressed"
    there = set(database.list_collection_names())
    if old not in there:
        if table not in there or _is_compressed(database, table):
            return
        database.drop_collection(made)
        database.create_collection(made, **OPTIONS)
        for index in database[table].list_indexes():
            _copy_index(database, made, index)
        database[table].rename(old)
        there.add(made)
    if made in there:
        _put_in_place(database, table, made)
    stage = {"$merge": {"into": table, "on": "_id", "whenMatched": "keepExisting"}}
    database[old].aggregate([stage])
    database.drop_collection(old)


def _put_in_place(database: Database[Any], table: str, made: str) -> None:
    try:
        database[made].rename(table)
    except OperationFailure as error:
        if error.code != _ALREADY_THERE:
            raise
        database[table].aggregate([{"$merge": {"into": made, "on": "_id", "whenMatched": "keepExisting"}}])
        database[made].rename(table, dropTarget=True)


def _is_compressed(database: Database[Any], table: str) -> bool:
    [found] = database.list_collections(filter={"name": table})
    return bool(found["options"].get("storageEngine") == ENGINE)


def _copy_index(database: Database[Any], table: str, index: Mapping[str, Any]) -> None:
    if index["name"] == "_id_":
        return
    specification = {name: value for name, value in index.items() if name not in ("v", "ns")}
    database.command("createIndexes", table, indexes=[specification])
