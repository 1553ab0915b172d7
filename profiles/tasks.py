"""What the worker does for profiles, called by beat. Each may run twice, and in many workers at once."""

from __future__ import annotations

import time
from typing import Final

from celery import shared_task
from django.utils import timezone

from profiles import upkeep
from profiles.fold import shards
from profiles.models import SessionBlob
from profiles.repacking import repack
from projects import removal

# What is not done by then goes on at the next turn.
SECONDS: Final = 15
# Less than beat's interval, so that one worker is never busy with two of them.
REPACK_SECONDS: Final = 30


@shared_task
def fold() -> None:
    """Derives what is missing, for some seconds."""
    shards.run()


@shared_task
def repack_recordings() -> None:
    """Pack recordings against what their endpoint shares."""
    repack(now=timezone.now(), seconds=REPACK_SECONDS)


@shared_task
def give_space_back() -> None:
    """Shrinks the file of recordings as they come in, once most of it is free."""
    SessionBlob.objects.give_space_back()


@shared_task
def apply_retention() -> None:
    """Gives stored profiles the life that changed settings promise."""
    upkeep.apply_terms(until=time.monotonic() + SECONDS)


@shared_task
def keep_slowest() -> None:
    """Keeps the slowest profiles of each endpoint and version longer."""
    upkeep.keep_slowest(until=time.monotonic() + SECONDS)


@shared_task
def hold_quotas() -> None:
    """Measures what projects use, and removes the oldest profiles where that is too much."""
    upkeep.hold_quotas(until=time.monotonic() + SECONDS)


@shared_task
def remove_deleted_projects() -> None:
    """Removes what profiles and all that is derived from them left of deleted projects."""
    removal.remove_parts("profiles", until=time.monotonic() + SECONDS)
