"""uvicorn: it dies of the signal that stopped it, and tells apps without a lifespan nothing before."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from typing import Any, Callable

from .lifespan import flush
from .replace import replace


def listen() -> None:
    """From now on a server that shuts down waits until what was recorded is sent, `exit_timeout` at most."""
    server = sys.modules.get("uvicorn.server")
    if server is not None:
        replace(server.Server, "shutdown", _and_send)


def _and_send(shutdown: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def shut_down(*args: Any, **kwargs: Any) -> None:
        await shutdown(*args, **kwargs)
        await flush()

    return shut_down
