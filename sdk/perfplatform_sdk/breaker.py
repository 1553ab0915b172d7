"""When to try again with a platform that does not answer as it should."""

from __future__ import annotations

import random
import time

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Breaker:
    """A circuit breaker: closed while all is well, open for a pause after a failure, then one try decides.

    Pauses grow to a minute, each shortened by chance so that many processes do not come back at once, and
    none is shorter than the platform asks for. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self.until = 0.0  # nothing is made or sent before
        self.asked_until = 0.0  # nor before this, which the platform itself has said
        self._pause_s = 0.0

    def is_open(self) -> bool:
        return time.monotonic() < self.until

    def fail(self, retry_after: float) -> None:
        """An attempt has failed; the platform asked for `retry_after` seconds of rest, or for none (0)."""
        now = time.monotonic()
        self._pause_s = min(_LONGEST_PAUSE_S, self._pause_s * 2 or _FIRST_PAUSE_S)
        self.asked_until = now + retry_after
        self.until = max(self.asked_until, now + self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311

    def succeed(self) -> None:
        self.until = self.asked_until = self._pause_s = 0.0
