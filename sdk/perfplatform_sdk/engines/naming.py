"""What the functions on a stack are called: for the platform's trees, and in pyinstrument's notation."""

from __future__ import annotations

import dis
import os
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, Union

from perfplatform_sdk.table import transmissible

Key = Union[CodeType, str]  # a code object, or a frame in pyinstrument's notation without its line

_OWN_FOLDER = str(Path(__file__).absolute().parents[1]) + os.sep
# What of the SDK lies between the app and its libraries; the rest of the SDK is around the app.
BETWEEN = tuple(
    f"{_OWN_FOLDER}{name}"
    for name in (f"hooks{os.sep}", "caller.py", "counters.py", "fingerprint.py", "recorder.py")
)
# What has no file: frozen modules, C functions, threads, and pyinstrument's marks for time without code.
_NO_FILES = ("<frozen ", "<built-in>", "<thread>", "[")


class Function(NamedTuple):
    """A frame of a ledger document: docs/wire.md, section 3."""

    name: str
    file: str  # relative to its entry of sys.path
    line: int  # the first one of the function
    class_name: str
    library: bool  # outside the app: the standard library and what is installed


@lru_cache(maxsize=16_384)
def is_ours(key: Key) -> bool:
    """True for code of this SDK."""
    return not isinstance(key, str) and key.co_filename.startswith(_OWN_FOLDER)


def beneath_us(stack: list[Any]) -> list[Any]:
    """A stack, innermost first, without what is around the SDK's outermost frame, and without our frames."""
    ours = [index for index in range(0, len(stack), 2) if is_ours(stack[index])]
    if not ours:
        return stack
    around = [index for index in ours if not stack[index].co_filename.startswith(BETWEEN)]
    kept: list[Any] = []
    for index in range(0, around[-1] if around else len(stack), 2):
        if not is_ours(stack[index]):
            kept += stack[index : index + 2]
    return kept


@lru_cache(maxsize=16_384)
def without_line(name: str) -> str:
    """A frame in pyinstrument's notation without what was seen of one call."""
    place, _, attributes = name.partition("\x01")
    classes = [attribute for attribute in attributes.split("\x01") if attribute.startswith("c")]
    return "\x01".join([place, *classes])


def names_beneath_us(stack: list[str]) -> list[str]:
    """A stack in pyinstrument's notation, outermost first, as `beneath_us` shows one."""
    ours = [f"\0{_OWN_FOLDER}" in name for name in stack]
    around = [is_our and not name.partition("\0")[2].startswith(BETWEEN) for name, is_our in zip(stack, ours)]
    first = around.index(True) + 1 if True in around else 0
    return [name for name, is_our in zip(stack[first:], ours[first:]) if not is_our]


@lru_cache(maxsize=16_384)
def describe(key: Key) -> Function:
    """The function of a code object or of a frame in pyinstrument's notation."""
    if isinstance(key, str):
        place, _, attributes = key.partition("\x01")
        name, file, line = (*place.split("\0"), "", "")[:3]
        classes = [attribute[1:] for attribute in attributes.split("\x01") if attribute.startswith("c")]
        first_line = int(line) if line.isascii() and line.isdigit() and len(line) < 10 else 0
        return _function(name, file, first_line, classes[0] if classes else "")
    return _function(key.co_name, key.co_filename, key.co_firstlineno, class_of(key))


def _function(name: str, file: str, line: int, class_name: str) -> Function:
    return Function(
        transmissible(name) or "(unnamed)",
        transmissible(relative(file)),
        max(0, line),
        transmissible(class_name),
        is_library(file),
    )


@lru_cache(maxsize=16_384)
def pyinstrument_name(code: CodeType, offset: int) -> str:
    """The frame in pyinstrument's notation, with the line of the instruction at `offset`."""
    class_name = class_of(code)
    line = line_of(code, offset)
    return (
        f"{code.co_name}\0{code.co_filename}\0{code.co_firstlineno}"
        + (f"\x01c{class_name}" if class_name else "")
        + (f"\x01l{line}" if line else "")
        + ("\x01h1" if "__tracebackhide__" in code.co_varnames else "")
    )


def line_of(code: CodeType, offset: int) -> int:
    """The line of the instruction at a byte offset; 0 where it has none."""
    if offset < 0:
        return code.co_firstlineno
    if sys.version_info >= (3, 10):
        for start, end, line in code.co_lines():
            if start <= offset < end:
                return line or 0
        return 0
    found = code.co_firstlineno
    for start, line in dis.findlinestarts(code):
        if start > offset:
            break
        found = line or found
    return found


def class_of(code: CodeType) -> str:
    """The class that defines a method, or the empty string."""
    if not code.co_argcount or code.co_varnames[0] not in ("self", "cls"):
        return ""
    qualified = getattr(code, "co_qualname", "") or _qualified_name(code)
    owner: str = qualified.rpartition(".")[0]
    return "" if not owner or owner.endswith("<locals>") else owner.rpartition(".")[2]


def _qualified_name(code: CodeType) -> str:
    """Before Python 3.11 code objects do not know it: look through the classes of their module."""
    return _methods(code.co_filename).get((code.co_name, code.co_firstlineno), "")


@lru_cache(maxsize=1_024)
def _methods(file: str) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    for module in list(sys.modules.values()):
        names = module.__dict__ if type(module) is ModuleType else {}
        if names.get("__file__") == file:
            for function in _functions_of(list(names.values()), depth=3):
                found[(function.__code__.co_name, function.__code__.co_firstlineno)] = function.__qualname__
    return found


def _functions_of(values: list[Any], depth: int) -> Iterator[FunctionType]:
    for value in values:
        # By their very types: an object of the app must not notice that it is looked at.
        kind = type(value)
        if kind in (classmethod, staticmethod):
            value = value.__func__
        elif kind is property:
            value = value.fget
        if type(value) is FunctionType:
            yield value
        elif issubclass(kind, type) and depth:
            yield from _functions_of(list(type.__getattribute__(value, "__dict__").values()), depth - 1)


@lru_cache(maxsize=8_192)
def relative(file: str) -> str:
    """The path below the entry of sys.path that holds it, so that releases and hosts compare."""
    if file.startswith("<"):
        return file
    entries = [str(Path(entry).absolute()).rstrip(os.sep) + os.sep for entry in map(str, sys.path)]
    fitting = [entry for entry in entries if file.startswith(entry)]
    return file[len(max(fitting, key=len)) :].replace(os.sep, "/") if fitting else file


@lru_cache(maxsize=8_192)
def is_library(file: str) -> bool:
    """True for the standard library and installed packages."""
    if not file or file.startswith(_NO_FILES):
        return True
    return file.startswith(_library_folders()) or "/site-packages/" in file or "/dist-packages/" in file


@lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    # The standard library of the interpreter that a virtual environment was made with.
    folders.append(str(Path(os.__file__).parent))
    return tuple(sorted({folder.rstrip(os.sep) + os.sep for folder in folders}))
