"""A row of numbers as a line of an SVG, without any text. No Django here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

WIDTH: Final = 100
HEIGHT: Final = 20
# Half of the line is above its middle.
MARGIN: Final = 1.5


class Sparkline(NamedTuple):
    """Two paths in a box of 100 by 20, from 0 at the bottom up to the greatest value."""

    line: str
    area: str


def draw(values: Sequence[float | None]) -> Sparkline:
    """None leaves a gap; a value between gaps is a dot, if the line's ends are round."""
    most = max((value for value in values if value is not None), default=0.0)
    step = WIDTH / max(1, len(values) - 1)
    line, area = [], []
    for run in _runs(values):
        places = [(step * number, _height(value, most)) for number, value in run]
        first, last = places[0][0], places[-1][0]
        top = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        line.append(f"M{top}" if len(run) > 1 else f"M{top}h0")
        area.append(f"M{first:.1f} {HEIGHT}L{top}L{last:.1f} {HEIGHT}z")
    return Sparkline("".join(line), "".join(area))


def _height(value: float, most: float) -> float:
    share = value / most if most > 0 else 0.0
    return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """The values between gaps, each with its number."""
    run: list[tuple[int, float]] = []
    for number, value in enumerate(values):
        if value is not None:
            run.append((number, value))
        elif run:
            yield run
            run = []
    if run:
        yield run
