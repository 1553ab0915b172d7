"""pymongo, with and without asyncio: every command of the clients that are made after `install`.

A client copies the listeners when it is made, so those made before are not counted. A command that is
cancelled is not either: pymongo says nothing of it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Optional

from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from perfplatform_sdk.context import current
from perfplatform_sdk.counters import DATABASE
from perfplatform_sdk.fingerprint import mongo
from perfplatform_sdk.recorder import harmless

from .counting import count

# The request id and the shape of the command that this context waits for.
_started: ContextVar[tuple[int, Optional[str]]] = ContextVar("perfplatform_mongo", default=(0, None))


class Listener(CommandListener):
    """Counts commands. There is one a process, for pymongo lets nobody go."""

    active = False

    @harmless
    def started(self, event: CommandStartedEvent) -> None:
        if self.active and current.get() is not None:
            _started.set((event.request_id, mongo(event.command_name, event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        _ended(event)

    def failed(self, event: CommandFailedEvent) -> None:
        _ended(event)


def _ended(event: CommandSucceededEvent | CommandFailedEvent) -> None:
    request_id, shape = _started.get()
    if shape is not None and request_id == event.request_id:
        _started.set((0, None))
        count(DATABASE, event.duration_micros * 1000, str, shape)


_listener = Listener()


def install(monitoring: Any) -> None:
    """Begin to count; `monitoring` is the module `pymongo.monitoring`."""
    _listener.active = True
    if _listener not in monitoring._LISTENERS.command_listeners:
        monitoring.register(_listener)


def uninstall(_: Any) -> None:
    """Clients keep their listener, which no longer counts."""
    _listener.active = False
