"""Endpoints that are quick, but for the one request that waits long and the one that fails."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from random import Random
from typing import Any

from .routes import Route
from .work import Spinner

WARM_UP = 100
MARKER_S = 2.0
TOIL_S = 0.3
QUICK, SLOW, FAILING = "quick", "slow", "failing"


class RareFailure(Exception):
    """What the failing request raises."""


class Rare:
    """Of each endpoint's requests after the first 100, one waits and another one fails."""

    def __init__(self, endpoints: int, requests: int) -> None:
        random = Random(requests)
        self.spinner = Spinner()
        self._paths = paths(endpoints)
        self._met: list[str] = []
        self._special: dict[str, dict[int, str]] = {}
        for path in self._paths:
            slow, failing = random.sample(range(WARM_UP, WARM_UP + requests), 2)
            self._special[path] = {slow: SLOW, failing: FAILING}
        # One step of a counter can't be torn apart by another thread.
        self._numbers = {path: itertools.count() for path in self._paths}

    def next(self, path: str) -> str:
        kind = self._special[path].get(next(self._numbers[path]), QUICK)
        if kind != QUICK:
            self._met.append(kind)
        return kind

    def routes(self, *, on_loop: bool) -> list[Route]:
        make = _on_loop if on_loop else _in_thread
        return [Route(path, make(self, path)) for path in self._paths]

    def said(self) -> dict[str, int]:
        """How many were special so far."""
        return {kind: self._met.count(kind) for kind in (SLOW, FAILING)}


def paths(endpoints: int) -> list[str]:
    return [f"/rare/{number}" for number in range(endpoints)]


def _in_thread(app: Rare, path: str) -> Callable[[], dict[str, Any]]:
    def marker() -> None:
        time.sleep(MARKER_S)

    def answer() -> dict[str, Any]:
        kind = app.next(path)
        if kind == SLOW:
            marker()
        elif kind == FAILING:
            fail(app.spinner)
        return {"kind": kind}

    return answer


def _on_loop(app: Rare, path: str) -> Callable[[], Any]:
    async def marker() -> None:
        await asyncio.sleep(MARKER_S)

    async def answer() -> dict[str, Any]:
        kind = app.next(path)
        if kind == SLOW:
            await marker()
        elif kind == FAILING:
            fail(app.spinner)
        return {"kind": kind}

    return answer


def fail(spinner: Spinner) -> None:
    toil(spinner)
    raise RareFailure


def toil(spinner: Spinner) -> None:
    spinner.spin(TOIL_S)
