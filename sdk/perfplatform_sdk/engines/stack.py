"""The names of the functions on a stack, in pyinstrument's notation, root first."""

from __future__ import annotations

import sys
import threading
from types import CodeType, FrameType
from typing import Any, Callable, Optional

from pyinstrument.stack_sampler import build_call_stack

BuildStack = Callable[[Optional[FrameType], str, Any], "list[str]"]


class StackNames:
    """Names stacks without a look at local variables.

    pyinstrument finds a method's class in the frame's locals. On Python 3.11 and 3.12 that copies them, and
    the copies keep alive what the function deletes until it returns. Here the class is the one that defines
    the method, which also costs a third of the time.
    """

    def __init__(self) -> None:
        # The code object is held so that its id is not given to another one.
        self._codes: dict[int, tuple[CodeType, str, dict[int | None, str]]] = {}
        thread = threading.current_thread()
        self._root = f"{thread.name}\0<thread>\0{thread.ident}"

    def build(self, frame: FrameType | None, event: str, arg: Any) -> list[str]:
        names = []
        if event == "call":
            frame = frame.f_back if frame else None  # entering a function: the time was the caller's
        elif event in ("c_return", "c_exception"):
            names.append(f"{getattr(arg, '__qualname__', arg.__name__)}\0<built-in>\0{0}")
        while frame is not None:
            names.append(self._name(frame))
            frame = frame.f_back
        names.append(self._root)
        names.reverse()
        return names

    def _name(self, frame: FrameType) -> str:
        code = frame.f_code
        known = self._codes.get(id(code))
        if known is None:
            known = self._codes[id(code)] = (code, _describe(code), {})
        line = frame.f_lineno
        name = known[2].get(line)
        if name is None:
            hidden = "\x01h1" if "__tracebackhide__" in code.co_varnames else ""
            place = f"\x01l{line}" if line else ""
            name = known[2][line] = known[1] + place + hidden
        return name


def _describe(code: CodeType) -> str:
    described = f"{code.co_name}\0{code.co_filename}\0{code.co_firstlineno}"
    owner = getattr(code, "co_qualname", "").rpartition(".")[0]
    is_method = code.co_argcount > 0 and code.co_varnames[0] in ("self", "cls")
    if is_method and owner and not owner.endswith("<locals>"):
        described += f"\x01c{owner.rpartition('.')[2]}"
    return described


def stack_builder() -> BuildStack:
    """What names the stacks of one recording in this thread."""
    # Before 3.11 code objects do not know their class, and pyinstrument reads it without a copy.
    return StackNames().build if sys.version_info >= (3, 11) else build_call_stack
