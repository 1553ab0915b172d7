"""What a setting may be: each parser takes what some source says and gives the value.

It raises ValueError with a sentence that names what is wrong and can stand in a log.
"""

from __future__ import annotations

import math
import re
import reprlib
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

Parser = Callable[[object], object]

MOST_PATTERNS = 100
LONGEST_PATTERN = 512

_KEY = re.compile(r"ppk_[!-~]{1,252}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")


def text(longest: int) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not a string: put it in quotes")
        if len(value) > longest or not value.isprintable() or not value.strip():
            raise ValueError(f"must be 1 to {longest} printable characters")
        return value.strip()

    return parse


def number(least: float, most: float) -> Callable[[object], float]:
    def parse(value: object) -> float:
        try:
            if isinstance(value, bool):
                raise ValueError
            found = float(value)  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"{shown(value)} is not a number") from None
        if not (math.isfinite(found) and least <= found <= most):
            raise ValueError(f"{shown(value)} is not between {least:g} and {most:g}")
        return found

    return parse


def whole(least: int, most: int) -> Callable[[object], int]:
    parse_number = number(least, most)

    def parse(value: object) -> int:
        found = parse_number(value)
        if found != int(found):
            raise ValueError(f"{shown(value)} is not a whole number")
        return int(found)

    return parse


def choice(*allowed: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{shown(value)} is none of {', '.join(allowed)}")
        return value

    return parse


def switch(value: object) -> bool:
    said = str(value).strip().lower() if isinstance(value, (bool, int, str)) else ""
    if said in ("1", "true", "yes", "on"):
        return True
    if said in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{shown(value)} is neither yes nor no")


def key(value: object) -> str:
    # The value is not named: it may be a secret of another kind.
    found = value.strip() if isinstance(value, str) else ""
    if _KEY.fullmatch(found) is None:
        raise ValueError("is not a project key (ppk_...)")
    return found


def url(value: object) -> str:
    """An address without a slash at its end."""
    parts = urlsplit(value.strip() if isinstance(value, str) and value.isprintable() else "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{shown(value)} is not an address that begins with http:// or https://")
    _ = parts.port  # a ValueError where it is no number
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def proxy(value: object) -> str:
    # The value is not named: it may hold a password.
    found = value.strip() if isinstance(value, str) and value.isprintable() else ""
    if re.match(r"(https?|socks[45][ah]?)://[^/]", found) is None:
        raise ValueError("is not the address of a proxy, as http://proxy.example.com:3128")
    return found


def existing_path(value: object) -> str:
    """A file or a folder, for requests fails at every sending where it is missing."""
    found = str(value) if isinstance(value, (str, Path)) else ""
    try:
        exists = bool(found) and Path(found).exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise ValueError(f"{shown(value)} is no file or folder that can be read")
    return found


def header(value: object) -> str:
    """The name of an HTTP header, in lower case."""
    if not isinstance(value, str) or _HEADER.fullmatch(value.strip()) is None:
        raise ValueError(f"{shown(value)} is not the name of an HTTP header")
    return value.strip().lower()


def patterns(value: object) -> tuple[str, ...]:
    """Route patterns, of a list or separated by commas."""
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(entry, str) for entry in found):
        raise ValueError(f"{shown(value)} is not a list of route patterns")
    cleaned = tuple(entry.strip() for entry in found if entry.strip())
    if len(cleaned) > MOST_PATTERNS or any(len(entry) > LONGEST_PATTERN for entry in cleaned):
        raise ValueError(f"must be at most {MOST_PATTERNS} patterns of {LONGEST_PATTERN} characters")
    return cleaned


def hook(value: object) -> object:
    if not callable(value):
        raise ValueError(f"{shown(value)} can't be called")
    return value


def shown(value: object) -> str:
    """A value for a log: short and in one line, whatever it is."""
    return _brief.repr(value)[:100]


def printable(line: str) -> str:
    """A line for a log, of which no part begins a line of its own."""
    return "".join(character if character.isprintable() else "?" for character in line)


_brief = reprlib.Repr()
_brief.maxlevel = 2
_brief.maxstring = _brief.maxother = 60
