"""200 endpoints that differ in how long they take, and in how much of it they wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

from .routes import Route
from .work import Spinner

ENDPOINTS = 200
SHORTEST_S, LONGEST_S = 0.002, 0.1
_LONGEST_BUSY_S = 0.003


def paths() -> list[str]:
    """Most popular first."""
    return [f"/popular/{number}" for number in range(ENDPOINTS)]


def popularity() -> list[float]:
    """Zipf's law: the weight of the nth endpoint is 1 / n."""
    return [1 / (number + 1) for number in range(ENDPOINTS)]


class Popular:
    """The app."""

    def routes(self, *, on_loop: bool) -> list[Route]:
        random = Random(7)
        spinner = Spinner()
        make = _on_loop if on_loop else _in_thread
        made = []
        for path in paths():
            # As many endpoints between 2 and 4 ms as between 50 and 100.
            whole_s = SHORTEST_S * (LONGEST_S / SHORTEST_S) ** random.random()
            busy_s = min(_LONGEST_BUSY_S, whole_s * random.random())
            made.append(Route(path, make(spinner, busy_s, whole_s - busy_s)))
        return made

    def said(self) -> None:
        """Nothing: the caller has timed the requests."""


def _in_thread(spinner: Spinner, busy_s: float, idle_s: float) -> Callable[[], dict[str, Any]]:
    def compute() -> None:
        spinner.spin(busy_s)

    def fetch() -> None:
        time.sleep(idle_s)

    def answer() -> dict[str, Any]:
        compute()
        fetch()
        return {}

    return answer


def _on_loop(spinner: Spinner, busy_s: float, idle_s: float) -> Callable[[], Any]:
    async def compute() -> None:
        spinner.spin(busy_s)

    async def fetch() -> None:
        await asyncio.sleep(idle_s)

    async def answer() -> dict[str, Any]:
        await compute()
        await fetch()
        return {}

    return answer
