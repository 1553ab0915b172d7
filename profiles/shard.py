"""Which part of the work a project belongs to: a shard is worked on by one worker at a time."""

from __future__ import annotations

import zlib
from typing import Final

# More than a small machine has workers, so that a busy project holds up few others.
SHARDS: Final = 16


def shard_of(project_id: object) -> int:
    """Return the shard of a project, the same in every process."""
    return zlib.crc32(str(project_id).encode()) % SHARDS
