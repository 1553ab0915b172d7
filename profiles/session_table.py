"""The exact way between the plain and the table form of a recording (docs/wire.md, 2.2)."""

from __future__ import annotations

from typing import Any

from profiles.bounds import LARGEST_COLUMN
from profiles.frame import Parts, assemble, take_apart
from profiles.recording import COMMON_FIELDS, FrameColumns, InvalidRecording, Plain, Table


class _Numbering:
    """Numbers strings, frames and nodes in the order in which they are first met."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {}
        self.frames: dict[str, int] = {}
        self.columns: list[FrameColumns | int] = []
        self.nodes: dict[tuple[int, int], int] = {}

    def string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def frame(self, text: str) -> int:
        number = self.frames.get(text)
        if number is None:
            number = self.frames[text] = len(self.frames)
            parts = take_apart(text)
            self.columns.append(self.string(text) if parts is None else self._column(parts))
        return number

    def _column(self, parts: Parts) -> FrameColumns:
        function, file = self.string(parts.function), self.string(parts.file)
        return function, file, parts.line, self.string(parts.attributes)

    def node(self, stack: list[str]) -> int:
        """Return the number of the innermost node of a stack (root first), -1 if it is empty."""
        parent, nodes = -1, self.nodes
        for text in stack:
            parent = nodes.setdefault((parent, self.frame(text)), len(nodes))
        # Here, since hostile recordings of ever new frames take memory and time while they are numbered.
        if max(len(nodes), len(self.frames), len(self.strings)) > LARGEST_COLUMN:
            raise InvalidRecording(f"frame_records hold over {LARGEST_COLUMN} nodes, frames or strings")
        return parent


def table_from_session(plain: Plain) -> Table:
    """Turn the plain form into the table form. There is one table form of a recording.

    Raises InvalidRecording beyond the bounds of its columns.
    """
    numbering = _Numbering()
    common = _common(plain)
    common["start_call_stack"] = [numbering.frame(text) for text in plain.start_call_stack]
    samples = [numbering.node(stack) for stack, _ in plain.frame_records]
    return Table(
        **common,
        strings=list(numbering.strings),
        frames=numbering.columns,
        nodes=list(numbering.nodes),
        samples=samples,
        times=[seconds for _, seconds in plain.frame_records],
    )


def session_from_table(table: Table) -> Plain:
    """Turn the table form of a valid recording back into the plain form."""
    texts = frame_texts(table)
    stacks = _stacks(table, texts)
    common = _common(table)
    common["start_call_stack"] = [texts[number] for number in table.start_call_stack]
    records = list(zip([stacks[node] for node in table.samples], table.times, strict=True))
    return Plain(**common, frame_records=records)


def frame_texts(table: Table) -> list[str]:
    """Return pyinstrument's string of every frame of a table."""
    strings, texts = table.strings, []
    for frame in table.frames:
        if isinstance(frame, int):
            texts.append(strings[frame])
        else:
            function, file, line, attributes = frame
            texts.append(assemble(Parts(strings[function], strings[file], line, strings[attributes])))
    return texts


def _stacks(table: Table, texts: list[str]) -> dict[int, list[str]]:
    """Return the stack of every node that is sampled, root first."""
    stacks: dict[int, list[str]] = {-1: []}
    for node in set(table.samples) - {-1}:
        stack, parent = [], node
        while parent >= 0:
            parent, frame = table.nodes[parent]
            stack.append(texts[frame])
        stack.reverse()
        stacks[node] = stack
    return stacks


def _common(form: Plain | Table) -> dict[str, Any]:
    return {name: getattr(form, name) for name in COMMON_FIELDS}
