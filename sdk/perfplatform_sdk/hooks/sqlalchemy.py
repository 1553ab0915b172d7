"""SQLAlchemy 1.4 and 2: every statement of every engine, with and without asyncio.

The dialects' `do_execute` and its siblings are wrapped. Listeners to engine events would cost each statement
5 µs, outside of requests too: once there is one, SQLAlchemy looks for listeners of every kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perfplatform_sdk import fingerprint
from perfplatform_sdk.counters import DATABASE
from perfplatform_sdk.recorder import harmless

from .wrapping import unwrap, wrap

_METHODS = ("do_execute", "do_executemany", "do_execute_no_params")


def install(default: Any) -> None:
    """Begin to count; `default` is the module `sqlalchemy.engine.default`."""
    base = default.DefaultDialect
    for dialect in _dialects(base):
        _hook(dialect)
    if "__init_subclass__" not in vars(base):
        base.__init_subclass__ = classmethod(_watch(base))


def uninstall(default: Any) -> None:
    base = default.DefaultDialect
    for dialect in _dialects(base):
        unwrap(dialect)
    if "__init_subclass__" in vars(base):
        del base.__init_subclass__


def _watch(base: type[Any]) -> Any:
    """A dialect is imported with its first engine, and may have methods of its own."""

    def init_subclass(dialect: Any, **kwargs: Any) -> None:
        super(base, dialect).__init_subclass__(**kwargs)
        _hook(dialect)

    return init_subclass


def _dialects(base: type[Any]) -> Iterator[type[Any]]:
    yield base
    for dialect in base.__subclasses__():
        yield from _dialects(dialect)


@harmless
def _hook(dialect: type[Any]) -> None:
    for name in _METHODS:
        if name in vars(dialect):
            wrap(dialect, name, kind=DATABASE, shape_of=_shape)


def _shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    # (dialect, cursor, statement, ...)
    return fingerprint.sql(args[2] if len(args) > 2 else kwargs["statement"], args[0].name)
