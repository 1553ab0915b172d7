"""A pyinstrument session without repetition: docs/wire.md, section 2.2."""

from __future__ import annotations

from typing import Any, Union

_LARGEST_NUMBER = 2**53 - 1
_LONGEST_STRING = 4_096

Frame = Union[int, "list[int]"]


def encode(session: dict[str, Any]) -> dict[str, Any]:
    """The table form of a session in plain form (`Session.to_json()`); the session is left as it is."""
    columns = _Columns()
    start = [columns.frame(name) for name in session["start_call_stack"]]
    samples = [columns.node(stack) for stack, _ in session["frame_records"]]
    table = {field: value for field, value in session.items() if field != "frame_records"}
    table["start_call_stack"] = start
    table["strings"] = [transmissible(text) for text in columns.strings]
    table["frames"] = columns.frames
    table["nodes"] = columns.nodes
    table["samples"] = samples
    table["times"] = [seconds for _, seconds in session["frame_records"]]
    return table


def transmissible(text: str, longest: int = _LONGEST_STRING) -> str:
    """The text cut to `longest` characters, lone surrogates (of file names that are no UTF-8) as `?`."""
    text = text[:longest]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class _Columns:
    """Strings, frames and nodes, numbered in the order in which they are first met."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {}
        self.frames: list[Frame] = []
        self.nodes: list[list[int]] = []
        self._frame_numbers: dict[str, int] = {}
        self._children: dict[tuple[int, int], int] = {}

    def string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def frame(self, name: str) -> int:
        number = self._frame_numbers.get(name)
        if number is None:
            number = self._frame_numbers[name] = len(self.frames)
            self.frames.append(self._take_apart(name))
        return number

    def node(self, stack: list[str]) -> int:
        """The node of the innermost frame; -1 for an empty stack."""
        parent = -1
        for name in stack:
            step = (parent, self.frame(name))
            node = self._children.get(step)
            if node is None:
                node = self._children[step] = len(self.nodes)
                self.nodes.append([parent, step[1]])
            parent = node
        return parent

    def _take_apart(self, name: str) -> Frame:
        """Numbers of function, file and attributes with the first line among them, or of the whole name."""
        place, mark, attributes = name.partition("\x01")
        parts = place.split("\0")
        if len(parts) != 3 or bool(mark) != bool(attributes):
            return self.string(name)
        line = _number(parts[2])
        if line is None:
            return self.string(name)
        return [self.string(parts[0]), self.string(parts[1]), line, self.string(attributes)]


def _number(text: str) -> int | None:
    """The integer that is written exactly so, within 53 bits."""
    if not (text.isascii() and len(text) <= 17):
        return None
    try:
        number = int(text)
    except ValueError:
        return None
    return number if str(number) == text and abs(number) <= _LARGEST_NUMBER else None
