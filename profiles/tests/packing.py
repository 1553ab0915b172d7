"""Recordings that have much in common, stored, packed and looked at."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from django.utils import timezone

from perfplatform import mongo
from profiles import repacking
from profiles.fold.digests import fold_digests
from profiles.fold.turn import Turn
from profiles.models import SessionBlob, SharedFrames
from profiles.repacking import Outcome, repack
from profiles.shard import shard_of
from profiles.tests import batches, recorded
from profiles.tests.test_session_table import plain
from projects.models import Project


def later() -> datetime:
    """When what was stored just now has waited long enough."""
    return timezone.now() + 2 * repacking.PATIENCE


def run() -> Outcome:
    return repack(now=later(), seconds=60)


def session(seed: int, *, samples: int = 60) -> dict[str, Any]:
    """A recording of its own that has most frames in common with others."""
    chance = random.Random(seed)
    records = []
    for _ in range(samples):
        stack = [recorded.own(f"view{chance.randrange(3)}", f"shop/views.py:{chance.randrange(90)}")]
        stack += [
            recorded.library(f"call{depth}", f"django/db/query{depth}.py:{chance.randrange(30)}")
            for depth in range(chance.randrange(12))
        ]
        records.append((stack, chance.randrange(900_000, 1_400_000) / 1e9))
    return recorded.session(records)


def store(project: Project, *seeds: int, **fields: Any) -> dict[str, dict[str, Any]]:
    """Store profiles with such recordings; return what their sessions must be, by id."""
    # One of the random share waits for its digest.
    said = {"endpoint": "/products", "trigger": "slow", **fields}
    profiles = [batches.profile(session=session(seed), **said) for seed in seeds]
    assert batches.store(project, batches.batch(*profiles)).accepted == len(seeds)
    return {item["id"]: plain(item["session"]).as_dict() for item in profiles}


def check(sessions: dict[str, dict[str, Any]]) -> None:
    """Everything is read as it was stored, with nothing remembered."""
    SharedFrames.objects.forget()
    for profile_id, value in sessions.items():
        assert SessionBlob.objects.session(profile_id) == value


def documents(*models: Any) -> list[Any]:
    return [list(mongo.collection(model).find(sort=[("_id", 1)])) for model in models]


def damage(project: Project, profile_id: str) -> None:
    """A profile whose recording can't be read."""
    batches.stored_profile(project, id=profile_id, trigger="slow")
    mongo.collection(SessionBlob).update_one({"_id": profile_id}, {"$set": {"data": b"\x01damaged"}})


def digest(project: Project) -> None:
    """Make the digests that are missing, as the fold does."""
    turn = Turn(shard_of(project.pk), owner="test", clock=timezone.now, seconds=60)
    while fold_digests(turn):
        pass
