"""Django's databases: every statement of every connection.

A connection is found when it connects. One that another thread holds open already is found when it connects
again, with Django's default settings at that thread's next request.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Callable

from perfplatform_sdk.context import current
from perfplatform_sdk.counters import DATABASE
from perfplatform_sdk.fingerprint import sql
from perfplatform_sdk.recorder import harmless

from .counting import count
from .wrapping import hide_our_frame

_ID = "perfplatform"


def install(signals: Any) -> None:
    """Begin to count; `signals` is the module `django.db.backends.signals`."""
    signals.connection_created.connect(_attach, weak=False, dispatch_uid=_ID)
    for connection in _open_connections():
        _attach(connection)


def uninstall(signals: Any) -> None:
    """Let go of the connections of this thread and of those to come."""
    signals.connection_created.disconnect(dispatch_uid=_ID)
    for connection in _open_connections():
        if _counted in connection.execute_wrappers:
            connection.execute_wrappers.remove(_counted)


def _open_connections() -> list[Any]:
    """Those of this thread: the others' are out of reach."""
    django_db = sys.modules.get("django.db")
    connections = getattr(django_db, "connections", None)
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if connections is None or settings is None or not settings.configured:
        return []
    try:
        made = connections.all(initialized_only=True)
    except TypeError:  # before Django 4.1, which would make those that are not
        made = [connections[alias] for alias in connections if hasattr(connections._connections, alias)]
    return [connection for connection in made if connection.connection]


@harmless
def _attach(connection: Any, **_: Any) -> None:
    # First, thus around the app's own: `connection.execute_wrapper()` takes away the last one at its end.
    if _counted not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _counted)


def _counted(
    execute: Callable[..., Any],
    statement: Any,
    parameters: Any,
    many: bool,  # noqa: FBT001 - as Django calls it
    context: dict[str, Any],
) -> Any:
    began_ns = time.perf_counter_ns() if current.get() is not None else 0
    try:
        return execute(statement, parameters, many, context)
    except BaseException as error:
        hide_our_frame(error)
        raise
    finally:
        if began_ns:
            duration_ns = time.perf_counter_ns() - began_ns
            count(DATABASE, duration_ns, sql, statement, context["connection"].vendor)
