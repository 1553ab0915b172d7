"""Small programs with one known fault each, and twins of them without."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

Spending = Callable[[float], Any]


@dataclass(frozen=True)
class Program:
    """`spend(seconds)` does what is looked at for so long; the rest of the recording is computing.

    `share` is what that makes of the whole. `detector` is what should be found, or in a twin what should not.
    What `spend` returns is the number of calls that a counter of this `kind` would have counted.
    `is_late`: written after the thresholds were fixed.
    """

    name: str
    detector: str
    spend: Spending
    share: float
    is_faulty: bool
    function: str
    counts: str = ""
    is_late: bool = False


PROGRAMS: list[Program] = []


def faulty(
    detector: str, share: float, *, counts: str = "", function: str = "", is_late: bool = False
) -> Callable[[Spending], Spending]:
    """The function has the fault, or the one of this name that it calls."""

    def register(spend: Spending) -> Spending:
        blamed = function or spend.__name__
        name = f"{detector}-{spend.__name__}-{share:.0%}"
        PROGRAMS.append(Program(name, detector, spend, share, True, blamed, counts, is_late))
        return spend

    return register


def clean(detector: str, *, counts: str = "", share: float = 0.6) -> Callable[[Spending], Spending]:
    """The twin of the faulty ones: as much time in the same library, and nothing wrong."""

    def register(spend: Spending) -> Spending:
        name = f"{detector}-{spend.__name__}-clean"
        PROGRAMS.append(Program(name, detector, spend, share, False, spend.__name__, counts))
        return spend

    return register


def until(seconds: float) -> Iterator[int]:
    """Count from 0 for so long."""
    end, number = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        yield number
        number += 1


def compute(seconds: float) -> int:
    """What the rest of the time goes to: work of the app's own."""
    total = 0
    for number in until(seconds):
        for factor in range(40):
            total += number * factor % 7
    return total


def is_coroutine(spend: Spending) -> bool:
    return inspect.iscoroutinefunction(spend)


def coroutine_of(spend: Spending, seconds: float) -> Coroutine[Any, Any, Any]:
    made: Coroutine[Any, Any, Any] = spend(seconds)
    return made
