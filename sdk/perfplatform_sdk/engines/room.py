"""Is there room on the stack for the profiler, this near to the recursion limit?

pyinstrument aborts the process (`Py_FatalError`) when its C code that names a frame meets the recursion limit
midway, and takes a RecursionError of its own into the app. So every sample asks here first.
"""

from __future__ import annotations

_LEVELS = 24


def _nest() -> tuple[object, ...]:
    nested: tuple[object, ...] = ()
    for _ in range(_LEVELS):
        nested = (nested,)
    return nested


_ONE, _OTHER = _nest(), _nest()


def has_room() -> bool:
    """True where 24 levels are left, of C code and of Python code: since 3.12 they are counted apart."""
    try:
        return _ONE == _OTHER and _descend(_LEVELS)
    except RecursionError:
        return False


def _descend(levels: int) -> bool:
    return levels == 0 or _descend(levels - 1)
