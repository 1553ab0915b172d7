"""Whether threads are greenlets: gevent and eventlet put their own in the place of the standard library's."""

from __future__ import annotations

import importlib
import sys


def is_green() -> bool:
    """True where threads are greenlets: no stack can be read from outside, and a lock stops all of them."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return True
    eventlet = sys.modules.get("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


def may_become_green() -> bool:
    """True where one is loaded and has not patched yet: with `gunicorn --preload`, workers do that later."""
    return not is_green() and ("gevent.monkey" in sys.modules or "eventlet.patcher" in sys.modules)


def prepare_for_the_end() -> None:
    """gevent looks names up in threads; what it needs for that can't be had at the interpreter's end.

    There nothing more can be imported, and on Python 3.12 no thread be started.
    """
    if is_green():
        importlib.import_module("concurrent.futures.thread")
        gevent = sys.modules.get("gevent")
        if gevent is not None:
            threads = gevent.get_hub().threadpool
            threads.size = threads.size or 1
