"""Batches as an SDK sends them, and profiles that such batches left behind."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
from django.utils import timezone

from profiles import ingest, wire
from profiles.tests import vectors
from projects.models import Project

_numbers = itertools.count(1)


def new_id() -> str:
    return f"{next(_numbers):032x}"


def profile(**changes: Any) -> dict[str, Any]:
    """Return a valid profile item of the last minute, with a new id."""
    found: dict[str, Any] = vectors.batch(timezone.now())["profiles"][0]
    return {**found, "id": new_id(), **changes}


def batch(*profiles: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a valid batch of these profiles."""
    return {**vectors.batch(timezone.now()), "ledger": [], "profiles": list(profiles), **changes}


def store(project: Project, sent: dict[str, Any]) -> ingest.Outcome:
    """Store a batch as the ingest view does."""
    return ingest.record_batch(project, wire.decode(msgspec.json.encode(sent)), now=timezone.now())


def stored_profile(project: Project, **changes: Any) -> str:
    """Store one profile; return its id."""
    item = profile(**changes)
    outcome = store(project, batch(item))
    assert outcome.accepted == 1, outcome.rejected
    return str(item["id"])
