"""Which requests are recorded, and which recordings are kept."""

from __future__ import annotations

import time
from typing import NamedTuple

SAMPLED, SLOW, ERROR = "sampled", "slow", "error"

_FIRST = 3
_SPACING_S = 6.0
_MAX_ENDPOINTS = 2_000
_BUDGET_WINDOW_S = 10.0


class Endpoint(NamedTuple):
    kind: str  # request, task or call
    method: str
    name: str


class Pace:
    """Lets the first 3 pass, then one every 6 seconds: at most 10 a minute."""

    __slots__ = ("_next_at", "_passed")

    def __init__(self) -> None:
        self._passed = 0
        self._next_at = 0.0

    def open(self, now: float) -> bool:
        return self._passed < _FIRST or now >= self._next_at

    def take(self, now: float) -> None:
        self._passed += 1
        self._next_at = now + _SPACING_S


class Keeping:
    """Decides before a request is recorded, when its endpoint is known, and again at its end.

    Requests picked beforehand are the random share: they keep the trigger `sampled` whatever becomes of
    them, or slow and failed ones would be missing from it. The others are recorded in case they turn out slow
    or fail, as long as the CPU time of the process under the profiler stays within the budget.

    Two threads at once may let one too many pass; no lock is worth that.
    """

    def __init__(self, overhead_budget: float) -> None:
        self._paces: dict[tuple[Endpoint, str], Pace] = {}
        self._budget = overhead_budget
        self._credit = overhead_budget * _BUDGET_WINDOW_S  # CPU seconds
        self._credited_at = time.monotonic()

    def wants(self, endpoint: Endpoint) -> str:
        """`sampled`: record and keep. `watch`: record and keep if slow or failed. Empty: do not record."""
        now = time.monotonic()
        if self._pace(endpoint, SAMPLED).open(now):
            return SAMPLED
        return "watch" if self._may_watch(now) else ""

    def sampled(self, endpoint: Endpoint) -> None:
        """A request of the random share is being recorded."""
        self._pace(endpoint, SAMPLED).take(time.monotonic())

    def keeps(self, endpoint: Endpoint, trigger: str) -> bool:
        """Whether one more slow or failed request of the endpoint is kept."""
        now = time.monotonic()
        pace = self._pace(endpoint, trigger)
        if not pace.open(now):
            return False
        pace.take(now)
        return True

    def charge(self, cpu_seconds: float) -> None:
        self._credit -= cpu_seconds

    def _may_watch(self, now: float) -> bool:
        earned = (now - self._credited_at) * self._budget
        self._credited_at = now
        self._credit = min(self._credit + earned, self._budget * _BUDGET_WINDOW_S)
        return self._credit > 0

    def _pace(self, endpoint: Endpoint, trigger: str) -> Pace:
        pace = self._paces.get((endpoint, trigger))
        if pace is None:
            if len(self._paces) >= 3 * _MAX_ENDPOINTS:
                endpoint = Endpoint(endpoint.kind, "", "(other)")
            pace = self._paces.setdefault((endpoint, trigger), Pace())
        return pace
