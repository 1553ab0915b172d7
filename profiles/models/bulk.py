"""Bulk writes that may be repeated: what is there already is no error."""

from __future__ import annotations

from collections.abc import Sequence

from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from perfplatform.mongo import Document

DUPLICATE_KEY = 11000


def insert_new(rows: Collection[Document], documents: Sequence[Document]) -> set[str]:
    """Insert in any order; what is there already stays. Returns the ids that other projects own."""
    if not documents:
        return set()
    try:
        rows.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        project_of = {document["_id"]: document["project_id"] for document in documents}
        met = [documents[number]["_id"] for number in duplicates(error)]
        owners = rows.find({"_id": {"$in": met}}, {"project_id": 1})
        return {row["_id"] for row in owners if row["project_id"] != project_of[row["_id"]]}
    return set()


def duplicates(error: BulkWriteError) -> list[int]:
    """The places in the list where a document of the same id was met; raises again what failed otherwise."""
    failures = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return [failure["index"] for failure in failures]
