"""One frame as pyinstrument writes it: ``function NUL file NUL line``, then ``U+0001 attribute`` each."""

from __future__ import annotations

from typing import Final, NamedTuple

PART_SEPARATOR: Final = "\x00"
ATTRIBUTE_SEPARATOR: Final = "\x01"
LARGEST_INTEGER: Final = 2**53 - 1

# Frames that stand for time and not for code; nothing is ever called by them.
SYNTHETIC_LEAVES: Final = frozenset({"[await]", "[self]", "[out-of-context]"})
SYNTHETIC: Final = SYNTHETIC_LEAVES | {"[root]"}


class Parts(NamedTuple):
    """A frame taken apart. `attributes` is all that follows the first U+0001, or the empty string."""

    function: str
    file: str
    line: int
    attributes: str


def identifier(text: str) -> str:
    """Return the part of a frame that names the code, without what was seen of one call."""
    return text.partition(ATTRIBUTE_SEPARATOR)[0]


def assemble(parts: Parts) -> str:
    """Put a frame together again."""
    head = f"{parts.function}{PART_SEPARATOR}{parts.file}{PART_SEPARATOR}{parts.line}"
    return f"{head}{ATTRIBUTE_SEPARATOR}{parts.attributes}" if parts.attributes else head


def take_apart(text: str) -> Parts | None:
    """Take a frame apart, or return None if `assemble` would not give the same string back."""
    head, _, attributes = text.partition(ATTRIBUTE_SEPARATOR)
    pieces = head.split(PART_SEPARATOR)
    if len(pieces) != 3:
        return None
    line = _decimal(pieces[2])
    if line is None:
        return None
    parts = Parts(pieces[0], pieces[1], line, attributes)
    return parts if assemble(parts) == text else None


def _decimal(text: str) -> int | None:
    # 17 characters hold every integer of 53 bits with its sign.
    if not 1 <= len(text) <= 17:
        return None
    try:
        number = int(text)
    except ValueError:
        return None
    return number if abs(number) <= LARGEST_INTEGER else None
