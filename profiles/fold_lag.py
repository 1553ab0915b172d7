"""How far what is computed of ingested data lags behind it: shown on pages and in /metrics."""

from __future__ import annotations

from bson import ObjectId


def seconds(project_id: ObjectId | None = None) -> float | None:
    """The lag of one project, or of the one that lags most; None where nothing is computed of it yet."""
    return None
