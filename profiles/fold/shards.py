"""A run of the fold: one shard after another, each under a lease."""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from profiles.fold.digests import fold_digests
from profiles.fold.longer import fold_days, fold_hours
from profiles.fold.minutes import fold_minutes
from profiles.fold.trees import fold_day_trees, fold_hour_trees, fold_minute_trees
from profiles.fold.turn import LeaseLost, Turn, lease_name
from profiles.models import FoldMark, Lease, Ledger, Profile

logger = logging.getLogger(__name__)

RUN_SECONDS = 12.0
TURN_SECONDS = 4.0
# What people look at first comes first; each leaves time for those behind it.
STEPS = (
    fold_minutes,
    fold_hours,
    fold_days,
    fold_minute_trees,
    fold_hour_trees,
    fold_day_trees,
    fold_digests,
)


def run(*, clock: Callable[[], datetime] = timezone.now, seconds: float = RUN_SECONDS) -> bool:
    """Work on the shards that nobody else works on, for about so long. Whether anything was done.

    Any number of runs may go on at once, and each may end at any moment.
    """
    owner, ends_at = secrets.token_hex(16), time.monotonic() + seconds
    found = False
    busy = sorted(
        Ledger.objects.busy_shards()
        | FoldMark.objects.busy_shards(now=clock())
        | Profile.objects.busy_shards()
    )
    # In another order each time, so that none always comes last.
    for shard in random.sample(busy, len(busy)):
        left = ends_at - time.monotonic()
        if left <= 0:
            break
        if Lease.objects.take(lease_name(shard), owner):
            turn = Turn(shard, owner=owner, clock=clock, seconds=min(left, TURN_SECONDS))
            try:
                found |= _work(turn)
                Lease.objects.release(lease_name(shard), owner)
            except LeaseLost:
                logger.warning("another worker took shard %s", shard)
    return found


def _work(turn: Turn) -> bool:
    """All steps in turn until a round finds nothing to do or the time is over. Whether there was anything."""
    found = False
    while turn.goes_on():
        # Each step is taken, whatever the others find.
        if not sum(step(turn) for step in STEPS):
            break
        found = True
    return found
