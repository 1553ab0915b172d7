"""What of asyncio the recording needs to know."""

from __future__ import annotations

import sys
from typing import Any, Optional


def current_task() -> Any:
    """The asyncio task that runs in this thread; None where no event loop of asyncio runs."""
    asyncio = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    return None if asyncio is None or loop is None else asyncio.current_task(loop)


def failure(error: BaseException) -> Optional[BaseException]:
    """The error, or None where it says that a task was cancelled or a generator closed."""
    # Cancellation has a class of its own in asyncio, trio and others; none of them is an Exception.
    return error if isinstance(error, (Exception, KeyboardInterrupt, SystemExit)) else None
