"""Columns of integers that repeat, as bytes: all lowest bytes before all second ones, under zstd.

They are longer than the ones of integers.py, and read many times faster.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Final

from profiles.squeeze import Unsqueezable, restore, shrink

_TYPES: Final = {1: "b", 2: "h", 4: "i", 8: "q"}


def pack(values: Iterable[int]) -> bytes:
    """Return integers of 64 bits with sign as bytes, the first of which says how long each is."""
    column = list(values)
    lowest, highest = min(column, default=0), max(column, default=0)
    width = next(
        width for width in _TYPES if -(1 << 8 * width - 1) <= lowest and highest < 1 << 8 * width - 1
    )
    return bytes([width]) + shrink(split(array(_TYPES[width], column)))


def unpack(data: bytes) -> array[int]:
    """Return what `pack` was given. Raises Unsqueezable."""
    if not data or data[0] not in _TYPES:
        raise Unsqueezable("integers of an unknown width")
    column: array[int] = array(_TYPES[data[0]])
    join(restore(data[1:]), column)
    return column


def split(column: array[int] | array[float]) -> bytes:
    """The bytes of a column, plane by plane."""
    width = column.itemsize
    packed = _little_endian(column).tobytes()
    return b"".join(packed[byte::width] for byte in range(width))


def join(planes: bytes, column: array[int] | array[float]) -> None:
    """Put the items of planes into an empty column. Raises Unsqueezable."""
    width = column.itemsize
    count, rest = divmod(len(planes), width)
    if rest:
        raise Unsqueezable("integers that are cut off")
    packed = bytearray(len(planes))
    for byte in range(width):
        packed[byte::width] = planes[byte * count : (byte + 1) * count]
    column.frombytes(packed)
    if sys.byteorder == "big":
        column.byteswap()


def _little_endian(column: array[int] | array[float]) -> array[int] | array[float]:
    if sys.byteorder == "little":
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped
