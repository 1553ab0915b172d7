"""Indexes by which MongoDB deletes what has expired; Django's Meta has no word for them."""

from __future__ import annotations

from typing import Any

from django.db.migrations import RunPython


def expire_at(table: str, column: str = "expires_at") -> RunPython:
    """A migration step: documents of `table` go when the time in `column` has passed."""
    name = f"{column}_ttl"

    def create(_apps: Any, schema_editor: Any) -> None:
        schema_editor.connection.database[table].create_index(column, name=name, expireAfterSeconds=0)

    def drop(_apps: Any, schema_editor: Any) -> None:
        schema_editor.connection.database[table].drop_index(name)

    return RunPython(create, drop)
