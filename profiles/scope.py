"""What measurements are kept apart by, and the ids of the documents that hold them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from bson import ObjectId

_DIGEST_BYTES = 12


class Scope(NamedTuple):
    """One version of a project in one environment."""

    project_id: ObjectId
    version_id: ObjectId
    version_name: str
    environment: str

    def fields(self) -> dict[str, object]:
        """The scope as fields of a document."""
        return self._asdict()


def digest(*texts: str) -> str:
    """Return 24 hexadecimal digits for any texts, so that ids are short and plain."""
    return hashlib.blake2b(msgspec.json.encode(texts), digest_size=_DIGEST_BYTES).hexdigest()


def document_id(scope: Scope, what: str, start: datetime, *texts: str) -> str:
    """Return the id of what is kept of a scope and a stretch of time: neighbours in time are neighbours."""
    when = start.astimezone(UTC).strftime("%Y%m%d%H%M")
    return f"{scope.version_id}:{what}:{when}:{digest(scope.environment, *texts)}"
