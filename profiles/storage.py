"""What a project takes on the disk, estimated.

The sizes of all its documents can't be added up: that reads every one of them. Instead, of each collection:

    documents of the project, counted on an index
    x (mean BSON size x compression of the collection + bytes of its indexes for one document)

The mean is of a sample of the project's profiles at regular distances, with their recordings; of other
collections it is the collection's own. What the servers' files hold in reserve counts for nobody.
"""

from __future__ import annotations

from typing import Any, Final

from bson import ObjectId
from django.db import models

from perfplatform import mongo
from profiles.models import PackedSession, Profile, SessionBlob
from profiles.models.bulk import sizes
from profiles.used import Used
from projects import removal

APP: Final = "profiles"
# Collections with a document under the profile's id: a recording is in one of the two.
OF_A_PROFILE: Final = (Profile, SessionBlob, PackedSession)
# A collection that was just emptied must not charge its empty pages to the few documents that are left.
MOST_INDEX_BYTES: Final = 600
MOST_COMPRESSED: Final = 1.0


def measure(project_id: ObjectId) -> Used:
    """What a project uses now."""
    sampled = Profile.lives.sample(project_id)
    profile_bytes, other_bytes = 0.0, 0.0
    for model in removal.parts(APP):
        if model in OF_A_PROFILE:
            count, mean_bytes = sizes(mongo.collection(model), sampled)
            profile_bytes += count / len(sampled) * _on_disk(model, mean_bytes) if count else 0.0
        else:
            count = mongo.collection(model).count_documents({removal.column_of(model): project_id})
            other_bytes += count * _on_disk(model)
    return Used(
        profiles=Profile.lives.count_of(project_id),
        profile_bytes=round(profile_bytes),
        other_bytes=round(other_bytes),
    )


def _on_disk(model: type[models.Model], mean_bytes: float = 0.0) -> float:
    """Bytes that a document of `mean_bytes` takes, or one of the collection's mean."""
    stats = mongo.database().command("collStats", model._meta.db_table)
    if not stats["count"]:
        return 0.0
    used_bytes = stats["storageSize"] - stats.get("freeStorageSize", 0)
    compressed = min(used_bytes / stats["size"], MOST_COMPRESSED)
    index_bytes = min(_index_bytes(stats) / stats["count"], MOST_INDEX_BYTES)
    return float((mean_bytes or stats["avgObjSize"]) * compressed + index_bytes)


def _index_bytes(stats: dict[str, Any]) -> int:
    """Of all indexes of a collection, without the space that their files could give to new entries."""
    reserved_bytes = sum(
        int(details["block-manager"]["file bytes available for reuse"])
        for details in stats.get("indexDetails", {}).values()
    )
    return int(stats["totalIndexSize"]) - reserved_bytes
