"""What an app answers, said without a framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Route(NamedTuple):
    """A path and the function behind it, or coroutine function: a dict becomes JSON, a string HTML."""

    path: str
    function: Callable[[], Any]


class App(Protocol):
    """One of the apps that are the same on every framework."""

    def routes(self, *, on_loop: bool) -> list[Route]: ...

    def said(self) -> Any:
        """What it knows of its requests, as JSON takes it."""
