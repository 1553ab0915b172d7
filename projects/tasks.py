"""What the worker does for projects."""

from __future__ import annotations

from celery import shared_task

from projects import removal


@shared_task
def finish_deletions() -> None:
    """Removes deleted projects once all apps have removed what was theirs. It may run twice."""
    removal.finish()
