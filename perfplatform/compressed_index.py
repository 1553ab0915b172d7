"""Indexes that MongoDB keeps compressed, and of some documents alone: Django's Meta has no words for either.

WiredTiger leaves indexes uncompressed unless it is told otherwise. With zstd an index takes a third to a half
of the space, for a tenth more CPU of a write (docs/decisions.md).
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations import AddIndex, RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

ZSTD = {"wiredTiger": {"configString": "block_compressor=zstd"}}


def compressed_index(table: str, keys: dict[str, int], *, name: str, where_present: str = "") -> RunPython:
    """A migration step: an index of `table` by `keys` (columns with 1 or -1, their direction).

    With `where_present`, only documents that have this column are in it; the others cost nothing.
    """
    options: dict[str, Any] = {"name": name, "storageEngine": ZSTD}
    if where_present:
        options["partialFilterExpression"] = {where_present: {"$exists": True}}

    def create(_apps: Any, schema_editor: Any) -> None:
        schema_editor.connection.database[table].create_index(list(keys.items()), **options)

    def drop(_apps: Any, schema_editor: Any) -> None:
        schema_editor.connection.database[table].drop_index(name)

    return RunPython(create, drop)


def add_compressed(model_name: str, table: str, index: models.Index, keys: dict[str, int]) -> Operation:
    """The same for an index that stands in a model's Meta too; `keys` are its columns in the database."""
    return SeparateDatabaseAndState(
        state_operations=[AddIndex(model_name=model_name, index=index)],
        database_operations=[compressed_index(table, keys, name=index.name)],
    )
