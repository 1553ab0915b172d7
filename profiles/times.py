"""The exact seconds of samples as integers, in the cheapest form that gives every bit back.

pyinstrument subtracts readings of a clock that counts nanoseconds but is read as double seconds (CPython:
`perf_counter()` is ns / 1e9): each difference carries the rounding of two readings. Such a series is kept as
whole nanoseconds and where the first reading lay between two doubles.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from profiles import integers, planes
from profiles.integers import Column, unzigzag, zigzag
from profiles.squeeze import Unsqueezable, restore, shrink

DOUBLES, NANOSECONDS, CLOCK, TICKS = range(4)

_SECOND_NS: Final = 10**9
# A day in ticks of 2**-46 s needs 63 bits; the clock of a machine that runs for an hour ticks in 2**-41 s.
_FINEST_EXPONENT: Final = 46
# From here on doubles are no longer.
_MOST_TICK_BITS: Final = 48
# The phase of a clock, in parts of the distance between two doubles.
_PHASES: Final = 2**16


class Times(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """`values` by `form`: bytes of doubles, or distances from `base` in ns or in parts of 2**-exponent s."""

    form: int
    exponent: int
    phase: int
    base: int
    values: bytes | Column


def pack(times: Sequence[float]) -> Times:
    """Return seconds (0 to 86,400 each) so that `unpack` gives the same bits back."""
    for form in (_as_nanoseconds, _as_clock, _as_ticks):
        packed = form(times)
        if packed is not None and _same_bits(unpack(packed), times):
            return packed
    return Times(DOUBLES, 0, 0, 0, shrink(planes.split(array("d", times))))


def unpack(packed: Times) -> list[float]:
    """Return the seconds. Raises Unsqueezable."""
    if packed.form == DOUBLES and isinstance(packed.values, bytes):
        return _doubles(restore(packed.values))
    if packed.form not in (NANOSECONDS, CLOCK, TICKS) or isinstance(packed.values, bytes):
        raise Unsqueezable(f"unknown form {packed.form} of times")
    if not 0 <= packed.exponent <= _FINEST_EXPONENT:
        raise Unsqueezable(f"times in parts of 2**-{packed.exponent} s")
    values = [unzigzag(value) + packed.base for value in integers.unpack(packed.values)]
    if packed.form == NANOSECONDS:
        return [value / _SECOND_NS for value in values]
    ticks = _clock_ticks(values, packed.exponent, packed.phase) if packed.form == CLOCK else values
    return [math.ldexp(tick, -packed.exponent) for tick in ticks]


def _as_nanoseconds(times: Sequence[float]) -> Times | None:
    values = [round(seconds * 1e9) for seconds in times]
    return _packed(NANOSECONDS, values)


def _as_clock(times: Sequence[float]) -> Times | None:
    """Find the phases of the clock at which rounding gives just these differences; take one of them.

    With the readings N_i in ns and q doubles a second, reading i is round(N_i q / 1e9). Of the first reading
    only its distance to the nearest double matters, which every difference bounds from both sides.
    """
    exponent, ticks = _ticks(times)
    if exponent is None:
        return None
    per_second = 2**exponent
    values = [round(tick * _SECOND_NS / per_second) for tick in ticks]
    half = _SECOND_NS // 2
    lowest, highest = -half, half - 1
    reading_ns = reading_ticks = 0
    for value, tick in zip(values, ticks, strict=True):
        reading_ns += value
        reading_ticks += tick
        error = reading_ticks * _SECOND_NS - reading_ns * per_second
        lowest, highest = max(lowest, error - half), min(highest, error + half - 1)
    phase = -(-lowest * _PHASES // _SECOND_NS)
    if phase * _SECOND_NS > highest * _PHASES:
        return None
    return _packed(CLOCK, values, exponent=exponent, phase=phase)


def _as_ticks(times: Sequence[float]) -> Times | None:
    exponent, ticks = _ticks(times)
    if exponent is None or max(ticks, default=0).bit_length() > _MOST_TICK_BITS:
        return None
    return _packed(TICKS, ticks, exponent=exponent)


def _packed(form: int, values: list[int], *, exponent: int = 0, phase: int = 0) -> Times:
    base = sorted(values)[len(values) // 2] if values else 0
    column = integers.pack([zigzag(value - base) for value in values])
    return Times(form, exponent, phase, base, column)


def _ticks(times: Sequence[float]) -> tuple[int | None, list[int]]:
    """The times as whole multiples of the largest power of two that divides all: (exponent, multiples)."""
    ratios = [seconds.as_integer_ratio() for seconds in times]
    exponent = max((below.bit_length() - 1 for _, below in ratios), default=0)
    if exponent > _FINEST_EXPONENT:
        return None, []
    return exponent, [(above << exponent) // below for above, below in ratios]


def _clock_ticks(values: list[int], exponent: int, phase: int) -> list[int]:
    """What a clock of 2**exponent doubles a second counted while it went on by `values` ns each."""
    whole = _SECOND_NS * _PHASES
    first = phase * _SECOND_NS + whole // 2
    scale = _PHASES << exponent
    readings = [(reading * scale + first) // whole for reading in accumulate(values, initial=0)]
    return [after - before for before, after in pairwise(readings)]


def _doubles(data: bytes) -> list[float]:
    column: array[float] = array("d")
    planes.join(data, column)
    return column.tolist()


def _same_bits(left: Sequence[float], right: Sequence[float]) -> bool:
    return array("d", left).tobytes() == array("d", right).tobytes()
