"""Bulk writes that may be repeated: what is there already is no error."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from functools import partial

from pymongo import ReplaceOne, UpdateOne
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


def replace_older(
    rows: Collection[Document],
    documents: Sequence[Document],
    older: Document,
    *,
    fixed: Names[str] = (),
) -> None:
    """Insert what is new and replace what is older; the rest stays.

    `older` is a filter by one field of the documents, such as `{"seq": "$lt"}`: what is stored must compare
    so to what is given. Fields that are `fixed` stay what they were at first.
    """
    if not documents:
        return
    replace = partial(_replace, older=older, fixed=fixed)
    try:
        rows.bulk_write([replace(document, upsert=True) for document in documents], ordered=False)
    except BulkWriteError as error:
        # There is one already. Unless it came between our look and our insert, it is as new as ours.
        met = [documents[number] for number in duplicates(error)]
        rows.bulk_write([replace(document, upsert=False) for document in met], ordered=False)


def set_each(
    rows: Collection[Document], changes: Mapping[str, Document], *, where: Document | None = None
) -> None:
    """Set fields of documents by id, in any order. What is not there, or not as `where` says, is left out."""
    if changes:
        rows.bulk_write(
            [UpdateOne({"_id": key, **(where or {})}, {"$set": change}) for key, change in changes.items()],
            ordered=False,
        )


def sizes(rows: Collection[Document], ids: Sequence[str]) -> tuple[int, float]:
    """How many of these documents there are, and their mean BSON size."""
    group = {"_id": None, "count": {"$sum": 1}, "mean": {"$avg": {"$bsonSize": "$$ROOT"}}}
    found = rows.aggregate([{"$match": {"_id": {"$in": list(ids)}}}, {"$group": group}])
    return next(((int(row["count"]), float(row["mean"])) for row in found), (0, 0.0))


def duplicates(error: BulkWriteError) -> list[int]:
    """The places in the list where a document of the same id was met; raises again what failed otherwise."""
    failures = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return [failure["index"] for failure in failures]


def _replace(
    document: Document, *, older: Document, fixed: Names[str], upsert: bool
) -> ReplaceOne[Document] | UpdateOne:
    stored = {name: {operator: document[name]} for name, operator in older.items()}
    found = {"_id": document["_id"], **stored}
    if not fixed:
        return ReplaceOne(found, document, upsert=upsert)
    # Every document of such a collection has the same fields, so that none is left over.
    first = {name: document[name] for name in fixed}
    changed = {name: value for name, value in document.items() if name not in first and name != "_id"}
    return UpdateOne(found, {"$set": changed, "$setOnInsert": first}, upsert=upsert)
