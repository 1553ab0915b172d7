"""Programs that spend known shares of their time in three functions, and say how long they really did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from .routes import Route
from .work import Spinner

PATH = "/work"
HANDLER = "answer"
NOMINAL = {"first": 0.7, "second": 0.2, "third": 0.1}
CPU, WAIT, MIXED = "cpu", "wait", "mixed"
# How much of each function's time goes to the CPU.
BUSY = {
    CPU: {"first": 1.0, "second": 1.0, "third": 1.0},
    WAIT: {"first": 0.0, "second": 0.0, "third": 0.0},
    MIXED: {"first": 0.5, "second": 0.0, "third": 1.0},
}


class Program:
    """A handler of three functions, each with the wall-clock seconds that it took in all requests so far."""

    def __init__(self, kind: str, request_s: float) -> None:
        self._spinner = Spinner()
        self._busy_s = {name: NOMINAL[name] * request_s * busy for name, busy in BUSY[kind].items()}
        self._idle_s = {name: NOMINAL[name] * request_s * (1 - busy) for name, busy in BUSY[kind].items()}
        self.took_s = dict.fromkeys((HANDLER, *NOMINAL), 0.0)

    def routes(self, *, on_loop: bool) -> list[Route]:
        return [Route(PATH, self.answer_on_loop if on_loop else self.answer)]

    def said(self) -> dict[str, float]:
        return self.took_s

    def answer(self) -> dict[str, object]:
        began = time.perf_counter()
        for name, function in (("first", self.first), ("second", self.second), ("third", self.third)):
            self._timed(name, function)
        self.took_s[HANDLER] += time.perf_counter() - began
        return {}

    def first(self) -> None:
        self._spinner.spin(self._busy_s["first"])
        wait(self._idle_s["first"])

    def second(self) -> None:
        self._spinner.spin(self._busy_s["second"])
        wait(self._idle_s["second"])

    def third(self) -> None:
        self._spinner.spin(self._busy_s["third"])
        wait(self._idle_s["third"])

    def _timed(self, name: str, function: Callable[[], None]) -> None:
        began = time.perf_counter()
        function()
        self.took_s[name] += time.perf_counter() - began

    async def answer_on_loop(self) -> dict[str, object]:
        began = time.perf_counter()
        await self._timed_on_loop("first", self.first_on_loop())
        await self._timed_on_loop("second", self.second_on_loop())
        await self._timed_on_loop("third", self.third_on_loop())
        self.took_s[HANDLER] += time.perf_counter() - began
        return {}

    async def first_on_loop(self) -> None:
        self._spinner.spin(self._busy_s["first"])
        await wait_on_loop(self._idle_s["first"])

    async def second_on_loop(self) -> None:
        self._spinner.spin(self._busy_s["second"])
        await wait_on_loop(self._idle_s["second"])

    async def third_on_loop(self) -> None:
        self._spinner.spin(self._busy_s["third"])
        await wait_on_loop(self._idle_s["third"])

    async def _timed_on_loop(self, name: str, function: Awaitable[None]) -> None:
        began = time.perf_counter()
        await function
        self.took_s[name] += time.perf_counter() - began


def wait(seconds: float) -> None:
    if seconds:
        time.sleep(seconds)


async def wait_on_loop(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)
