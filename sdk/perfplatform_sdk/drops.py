"""How much had to be dropped since the instance began, and why: it is sent along with the ledger."""

from __future__ import annotations

import threading
from collections import Counter

QUEUE_FULL = "queue_full"
RATE_LIMITED = "rate_limited"
TOO_LARGE = "too_large"
REFUSED = "refused"
SEND_FAILED = "send_failed"
BEFORE_SEND = "before_send"  # the app's own hook did not want it sent
INTERNAL_ERROR = "internal_error"


class Drops:
    """Counts by reason. Safe from any thread, and from a signal handler that meets itself."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.RLock()

    def add(self, reason: str, count: int = 1) -> None:
        with self._lock:
            self._counts[reason] += count

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)
