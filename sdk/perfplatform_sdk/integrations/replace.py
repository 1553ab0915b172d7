"""Functions of others that are wrapped where they stand."""

from __future__ import annotations

import threading
from functools import wraps
from typing import Any, Callable

_MARK = "perfplatform_original"
_lock = threading.Lock()


def replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Put what `wrap` makes of an attribute in its place; a second time changes nothing."""
    with _lock:
        original = getattr(owner, name)
        if not hasattr(original, _MARK):
            replacement = wraps(original)(wrap(original))
            setattr(replacement, _MARK, original)
            setattr(owner, name, replacement)
