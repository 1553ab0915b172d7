"""A profile or an endpoint as a few lines of plain text, for a ticket or a chat.

Words and amounts come in the reader's language. Names come from the target app: none can end its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from profiles.file_format import printable

LONGEST_NAME: Final = 200
MOST_STEPS: Final = 16
# Of a longer path the first ones are kept, and the last ones.
FIRST_STEPS: Final = 3
CUT: Final = "…"


class Step(NamedTuple):
    """A function on the way to where the time goes, with its total time and the share of the whole."""

    name: str
    place: str
    time: str
    share: str


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """`pair` is how a label and its value are written in this language, such as `{label}: {value}`."""

    title: str
    facts: Sequence[tuple[str, str]]
    pair: str
    heading: str
    steps: Sequence[Step]
    link: str

    def text(self) -> str:
        """Title, a line a fact, a line a step with times and shares in columns, and the link."""
        parts = [_line(self.title)]
        parts.append(
            "\n".join(self.pair.format(label=label, value=_line(value)) for label, value in self.facts)
        )
        if self.steps:
            parts.append("\n".join([self.heading, *_columns(self.steps)]))
        parts.append(self.link)
        return "\n\n".join(parts)


def _columns(steps: Sequence[Step]) -> list[str]:
    times = max(len(step.time) for step in steps)
    shares = max(len(step.share) for step in steps)
    lines = [
        f"{step.time:>{times}}  {step.share:>{shares}}  {_line(step.name)}"
        + (f"  {_line(step.place)}" if step.place else "")
        for step in steps
    ]
    if len(lines) <= MOST_STEPS:
        return lines
    return [*lines[:FIRST_STEPS], CUT, *lines[FIRST_STEPS + 1 - MOST_STEPS :]]


def _line(text: str) -> str:
    line = printable(text)
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + CUT
