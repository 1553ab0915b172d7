"""pymongo's side of Django's connection, for what the ORM can't do or can't do fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import connections, models
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]
Model = TypeVar("Model", bound=models.Model)

# What was acknowledged with this survives the death of any minority of servers.
DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)

# For what may be lost: acknowledged by one server from its memory, so that nobody waits for a disk.
QUICK = WriteConcern(w=1, j=False)


def database() -> Database[Document]:
    connection = connections["default"]
    connection.ensure_connection()
    found: Database[Document] = connection.database  # type: ignore[attr-defined]
    return found


def collection(model: type[models.Model], *, durable: bool = False) -> Collection[Document]:
    """The collection that Django keeps `model` in; with `durable`, writes wait for a majority's journal."""
    found = database()[model._meta.db_table]
    return found.with_options(write_concern=DURABLE) if durable else found


def close_pool() -> None:
    """Forget connections that were inherited by fork."""
    connections["default"].close_pool()  # type: ignore[attr-defined]


def from_document(model: type[Model], document: Mapping[str, Any]) -> Model:
    """An instance of `model` as the ORM would have loaded it from `document`."""
    fields = model._meta.concrete_fields
    return model.from_db(
        "default", [f.attname for f in fields], [document.get(f.column or "") for f in fields]
    )
