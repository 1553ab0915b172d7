"""Counts database statements and outbound HTTP calls, one small file a library.

A library is hooked when it is imported, or at once if it already is; none is imported for it.
"""

from __future__ import annotations

import importlib
import logging
import sys
from types import ModuleType
from typing import NamedTuple

from perfplatform_sdk import caller
from perfplatform_sdk.recorder import harmless

from .counting import show_shapes
from .imports import ImportWatch

log = logging.getLogger("perfplatform_sdk")


class Hook(NamedTuple):
    """The file here that counts for a library, and the package that is never the caller of a statement."""

    name: str
    package: str


# By the module after whose import a library can be hooked.
_HOOKS = {
    "django.db.backends.signals": Hook("django_db", "django.db"),
    "httpx": Hook("httpx", "httpx"),
    "pymongo.monitoring": Hook("pymongo", "pymongo"),
    "redis.client": Hook("redis", "redis"),
    "redis.asyncio.client": Hook("redis", "redis"),
    "requests.sessions": Hook("requests", "requests"),
    "sqlalchemy.engine.default": Hook("sqlalchemy", "sqlalchemy"),
    "urllib3.connectionpool": Hook("urllib3", "urllib3"),
}


@harmless
def install(*, statement_shapes: bool = False) -> None:
    """Begin to count what is imported now or later. `statement_shapes`: show what statements look like."""
    show_shapes(statement_shapes)
    _watch.start()
    for name in _HOOKS:
        if sys.modules.get(name) is not None:
            # Where another thread is at its import, this waits for it.
            _hook(name, importlib.import_module(name))


@harmless
def uninstall() -> None:
    """Count nothing more."""
    _watch.stop()
    for name, hook in _HOOKS.items():
        module = sys.modules.get(name)
        if module is not None:
            importlib.import_module(f".{hook.name}", __name__).uninstall(module)


def _hook(name: str, module: ModuleType) -> None:
    hook = _HOOKS[name]
    try:
        caller.skip(sys.modules[hook.package])
        importlib.import_module(f".{hook.name}", __name__).install(module)
    except Exception as error:  # noqa: BLE001 - a library of a version that is unlike those we know
        log.warning("perfplatform: calls of %s are not counted: %r", name, error)


_watch = ImportWatch(_HOOKS, _hook)
