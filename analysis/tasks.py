"""What the worker does for analyses, called by beat. It may run twice, and in many workers at once."""

from __future__ import annotations

import time
from typing import Final

from celery import shared_task

from projects import removal

# What is not done by then goes on at the next turn.
SECONDS: Final = 15


@shared_task
def remove_deleted_projects() -> None:
    """Removes what was decided in deleted projects."""
    removal.remove_parts("analysis", until=time.monotonic() + SECONDS)
