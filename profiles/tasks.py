"""What the worker does for profiles, called by beat. Each may run twice, and in many workers at once."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from profiles.fold import shards
from profiles.repacking import repack

# Less than beat's interval, so that one worker is never busy with two of them.
REPACK_SECONDS = 30


@shared_task
def fold() -> None:
    """Derives what is missing, for some seconds."""
    shards.run()


@shared_task
def repack_recordings() -> None:
    """Pack recordings against what their endpoint shares; what is left over waits for the next turn."""
    repack(now=timezone.now(), seconds=REPACK_SECONDS)
