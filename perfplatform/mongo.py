"""pymongo's side of Django's connection, for what the ORM can't do or can't do fast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.db import connections, models
from pymongo import read_preferences
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]
Model = TypeVar("Model", bound=models.Model)

# How far behind the primary a member may be that pages read from; MongoDB takes no less.
MAX_STALENESS_S = 90

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
    return found.with_options(write_concern=durable_concern()) if durable else found


def for_pages(model: type[models.Model]) -> Collection[Document]:
    """The collection as pages and the API read it: from the members that MONGODB_READ_PREFERENCE names.

    That may be a little behind, so nothing is computed from it that is stored.
    """
    return database()[model._meta.db_table].with_options(read_preference=page_preference())


def durable_concern() -> WriteConcern:
    """What was acknowledged with this survives the death of any minority of servers."""
    return WriteConcern(w=settings.ENVIRONMENT.mongodb_write_concern, j=True, wtimeout=10_000)


def page_preference() -> Any:
    """A read preference of pymongo's, whose types have no public base."""
    name: str = settings.ENVIRONMENT.mongodb_read_preference
    mode = getattr(read_preferences, name[0].upper() + name[1:])
    return mode() if mode is read_preferences.Primary else mode(max_staleness=MAX_STALENESS_S)


def close_pool() -> None:
    """Forget connections that were inherited by fork."""
    connections["default"].close_pool()  # type: ignore[attr-defined]


def from_document(model: type[Model], document: Mapping[str, Any]) -> Model:
    """An instance of `model` as the ORM would have loaded it from `document`."""
    fields = model._meta.concrete_fields
    return model.from_db(
        "default", [f.attname for f in fields], [document.get(f.column or "") for f in fields]
    )
