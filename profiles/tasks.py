"""What the worker does for profiles."""

from __future__ import annotations

from celery import shared_task

from profiles.fold import shards


@shared_task
def fold() -> None:
    """Derives what is missing, for some seconds. It may run twice, and in many workers at once."""
    shards.run()
