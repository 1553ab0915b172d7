"""Which function of the app is at work: the nearest one on the stack that is neither library nor SDK."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple, Optional

from .engines.naming import BETWEEN, is_library

_MAX_FRAMES = 30
_MAX_WAYS = 4  # that are remembered of one shape
_MAX_SHAPES = 1_024
_MAX_FILES = 8_192

_FOLDER = f"{Path(__file__).parent}{os.sep}"

_OWN, _LIBRARY, _INNER, _OUTER = "own", "library", "inner", "outer"

_getframe = sys._getframe


class Way(NamedTuple):
    """A stack on which a function was found, as depths below `find` and code objects there.

    A walk of ten frames takes 2 µs and more. A stack that has these codes at these depths is taken for the
    same one, which takes 0.3 µs.
    """

    depth: int  # of what the function called
    called: CodeType
    code: CodeType
    end_depth: int  # where the walk ended
    end: CodeType


_ways: dict[str, tuple[Way, ...]] = {}
_kinds: dict[str, str] = {}  # of files
_skipped: tuple[str, ...] = ()  # folders of drivers


def skip(package: ModuleType) -> None:
    """Never take code of this package for the caller: that of a driver, which all statements come through."""
    global _skipped
    folder = f"{Path(package.__file__ or '').parent}{os.sep}"
    if folder not in _skipped:
        _skipped = (*_skipped, folder)
        _kinds.clear()
        _ways.clear()


def find(shape: str) -> CodeType | None:
    """The code of the function that is at work.

    Where only libraries are, as in a framework's own middleware, it is the nearest one outside the drivers.
    Call it from one place for each shape: the stack is known again by its depth.
    """
    for depth, called, code, end_depth, end in _ways.get(shape, ()):
        try:
            frame = _getframe(depth)
            if frame.f_code is not called:
                continue
            back = frame.f_back
            if back is None or back.f_code is not code:
                continue
            if end is code or _getframe(end_depth).f_code is end:
                return code
        except ValueError:  # the stack is not that deep
            continue
    return _search(shape, _getframe(1))


def _search(shape: str, frame: FrameType) -> CodeType | None:
    called, depth = frame.f_code, 1
    fallback: tuple[int, CodeType, CodeType] | None = None
    following: Optional[FrameType] = frame
    while following is not None and depth < _MAX_FRAMES:
        frame, code = following, following.f_code
        kind = _kinds.get(code.co_filename) or _classify(code.co_filename)
        if kind is _OWN:
            _remember(shape, Way(depth - 1, called, code, depth, code))
            return code
        if kind is _LIBRARY and fallback is None:
            fallback = depth - 1, called, code
        if kind is _OUTER:
            break
        called, following, depth = code, frame.f_back, depth + 1
    parent = _parent_greenlet() if following is None else None
    if parent is not None:
        return _search_parent(parent) or (fallback and fallback[2])
    if fallback is None:
        return None
    end = depth - 1 if following is None else depth
    _remember(shape, Way(*fallback, end, frame.f_code if following is None else following.f_code))
    return fallback[2]


def _parent_greenlet() -> Any:
    greenlet: Any = sys.modules.get("greenlet")
    return None if greenlet is None else greenlet.getcurrent().parent


def _search_parent(greenlet: Any) -> CodeType | None:
    """The caller on the stack that this greenlet was started from: so SQLAlchemy runs under asyncio."""
    frame: Optional[FrameType] = greenlet.gr_frame
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return None
        kind = _kinds.get(frame.f_code.co_filename) or _classify(frame.f_code.co_filename)
        if kind is _OWN:
            return frame.f_code
        if kind is _OUTER:
            return None
        frame = frame.f_back
    return None


def _classify(file: str) -> str:
    if file.startswith(_FOLDER):
        kind = _INNER if file.startswith(BETWEEN) else _OUTER
    elif file.startswith(_skipped):
        kind = _INNER
    else:
        # Code without a file is made by libraries, as methods of named tuples are.
        kind = _LIBRARY if file.startswith("<") or is_library(file) else _OWN
    if len(_kinds) >= _MAX_FILES:
        _kinds.clear()
    _kinds[file] = kind
    return kind


def _remember(shape: str, way: Way) -> None:
    if len(_ways) >= _MAX_SHAPES:
        _ways.clear()
    _ways[shape] = (way, *_ways.get(shape, ())[: _MAX_WAYS - 1])
