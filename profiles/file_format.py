"""How something is written down as a file for another tool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Source = TypeVar("Source")
# In one piece, or bit by bit where it may be larger than what should be in memory at once.
Content = str | bytes | Iterator[str]

CHUNK_CHARACTERS: Final = 64 * 1024

_MARK: Final = "\N{REPLACEMENT CHARACTER}"
# What steers a terminal, but for the ends of lines.
CONTROL_CHARACTERS: Final = {code: _MARK for code in (*range(32), *range(127, 160)) if chr(code) != "\n"}
# And what ends a line by the rules of any language.
_NAME_CHARACTERS: Final = {**CONTROL_CHARACTERS, **{ord(end): _MARK for end in "\n\u2028\u2029"}}


class NotRenderable(ValueError):
    """This can't be written in this format; the text says why, for people."""


@dataclass(frozen=True)
class Format(Generic[Source]):
    """One way to write something down. `render` raises NotRenderable before it gives anything away."""

    render: Callable[[Source], Content]
    content_type: str
    suffix: str


def in_chunks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of 64 KB or a little more: few enough to send, small enough to keep."""
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK_CHARACTERS:
            yield "".join(waiting)
            waiting.clear()
            size = 0
    yield "".join(waiting)


def printable(name: str) -> str:
    """A name from a target app as one line that must not steer the terminal that shows it."""
    return name.translate(_NAME_CHARACTERS)
