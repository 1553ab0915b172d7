"""Which requests are kept whole."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import NamedTuple

from .config import Config

SAMPLED, SLOW, ERROR, MANUAL = "sampled", "slow", "error", "manual"

_CASES_AT_ONCE = 20  # slow or failed ones of an endpoint
_MAX_ENDPOINTS = 2_000
_BUDGET_WINDOW_S = 10.0


class Endpoint(NamedTuple):
    kind: str  # request, task or call
    method: str
    name: str


class Pace:
    """Lets so many pass a minute, and after a rest a few at once: a token bucket that is full at first."""

    __slots__ = ("_at", "_burst", "_empty_until", "_per_second", "_tokens")

    def __init__(self, burst: int, per_minute: float) -> None:
        self._burst = float(burst)
        self._tokens = float(burst)
        self._per_second = per_minute / 60.0
        self._at = time.monotonic()
        self._empty_until = 0.0

    def passes(self, now: float) -> bool:
        """Two threads at once may let one too many pass; no lock is worth that."""
        if now < self._empty_until:
            return False
        tokens = min(max(self._burst, 1.0), self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return True
        self._tokens = tokens
        self._empty_until = now + (1.0 - tokens) / self._per_second if self._per_second else math.inf
        return False


class Order(NamedTuple):
    """Somebody asked for the next requests of an endpoint."""

    id: str
    method: str
    name: str
    number: int
    until: float  # seconds since 1970


class Keeping:
    """Picks requests when their endpoint is known, and others at their end.

    Those picked beforehand are the random share: they keep the trigger `sampled` whatever becomes of them, or
    slow and failed ones would be missing from it. Only they may be slowed by pyinstrument, as long as the CPU
    time of the process meanwhile stays within the budget.
    """

    def __init__(self, config: Config) -> None:
        self.change(config)
        self._orders: dict[tuple[str, str], list[tuple[str, int, float]]] = {}
        self._known_orders: set[str] = set()
        self._credit = self._budget * _BUDGET_WINDOW_S  # CPU seconds
        self._credited_at = time.monotonic()

    def change(self, config: Config) -> None:
        """Keep at the rates of these settings from now on."""
        self._rates = {
            SAMPLED: (config.keep_first, config.keep_per_minute),
            SLOW: (_CASES_AT_ONCE, config.keep_slow_per_minute),
            ERROR: (_CASES_AT_ONCE, config.keep_error_per_minute),
        }
        self._budget = config.overhead_budget
        self._paces: dict[tuple[Endpoint, str], Pace] = {}

    def pick(self, endpoint: Endpoint) -> str:
        """The trigger of a request that is kept whatever becomes of it; empty for most."""
        if self._orders and self._is_ordered(endpoint):
            return MANUAL
        return SAMPLED if self.keeps(endpoint, SAMPLED) else ""

    def keeps(self, endpoint: Endpoint, trigger: str) -> bool:
        """Whether one more of the endpoint is kept for this reason."""
        pace = self._paces.get((endpoint, trigger))
        if pace is None:
            if len(self._paces) >= 3 * _MAX_ENDPOINTS:
                endpoint = Endpoint(endpoint.kind, "", "(other)")
            pace = self._paces.setdefault((endpoint, trigger), Pace(*self._rates[trigger]))
        return pace.passes(time.monotonic())

    def order(self, orders: Iterable[Order]) -> None:
        """Keep the next requests of some endpoints; each order counts once."""
        for order in orders:
            if order.id not in self._known_orders and order.until > time.time():
                self._known_orders.add(order.id)
                waiting = self._orders.setdefault((order.method, order.name), [])
                waiting.append((order.id, order.number, order.until))

    def _is_ordered(self, endpoint: Endpoint) -> bool:
        place = (endpoint.method, endpoint.name)
        waiting = [order for order in self._orders.get(place, ()) if order[2] > time.time()]
        if not waiting:
            self._orders.pop(place, None)
            return False
        identity, count, until = waiting.pop(0)
        if count > 1:
            waiting.insert(0, (identity, count - 1, until))
        if waiting:
            self._orders[place] = waiting
        else:
            self._orders.pop(place, None)
        return True

    def may_slow(self) -> bool:
        """Whether there is budget left for a request that pyinstrument slows."""
        now = time.monotonic()
        earned = (now - self._credited_at) * self._budget
        self._credited_at = now
        self._credit = min(self._credit + earned, self._budget * _BUDGET_WINDOW_S)
        return self._credit > 0

    def charge(self, cpu_seconds: float) -> None:
        self._credit -= cpu_seconds
