"""What the SDK itself did since the instance began: sent along with the ledger, to show what it costs."""

from __future__ import annotations

import threading
from collections import Counter

EVENTS = "events"  # requests, tasks and calls that were counted
PROFILES = "profiles"  # kept whole and handed over
POSTS = "posts"
FAILED_POSTS = "failed_posts"
SENT_PROFILES = "sent_profiles"
SENT_BYTES = "sent_bytes"  # compressed, of posts that arrived
SENDING_US = "sending_us"  # CPU time of encoding and sending
SAMPLING_US = "sampling_us"  # CPU time of the sampler


class Statistics:
    """Sums by name. Safe from any thread, and from a signal handler that meets itself."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._lock = threading.RLock()

    def add(self, name: str, amount: int = 1) -> None:
        with self._lock:
            self._sums[name] += amount

    def sums(self) -> dict[str, int]:
        with self._lock:
            return dict(self._sums)
