"""A row of numbers as a line of an SVG, without any text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 100
HEIGHT: Final = 20
# Half of the line is above its middle.
MARGIN: Final = 1.5


def path(values: Sequence[float | None]) -> str:
    """The `d` of a path in a box of 100 by 20, from 0 at the bottom up to the greatest value.

    None leaves a gap; a value between gaps is a dot, if the line's ends are round.
    """
    known = [value for value in values if value is not None]
    most = max(known, default=0.0)
    step = WIDTH / max(1, len(values) - 1)
    drawn: list[str] = []
    pen_is_down = False
    for number, value in enumerate(values):
        if value is None:
            pen_is_down = False
            continue
        share = value / most if most > 0 else 0.0
        place = f"{step * number:.1f} {HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN):.1f}"
        drawn.append(f"L{place}" if pen_is_down else f"M{place}h0")
        pen_is_down = True
    return "".join(drawn)
