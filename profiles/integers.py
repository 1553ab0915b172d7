"""Columns of integers whose low bits are noise, such as times and ranks.

Of each integer it keeps how many bits it has, which repeats and is compressed, and the bits below the highest
one as they are (the Elias gamma code, with the lengths moved to where zstd can see them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from profiles.squeeze import Unsqueezable, restore, shrink

LARGEST: Final = 2**64 - 1
# So many are gathered in one number: shifting grows with its length.
_CHUNK: Final = 64

Column = tuple[bytes, bytes]


def pack(values: Sequence[int]) -> Column:
    """Return integers from 0 to 2**64 - 1 as (lengths, bits)."""
    bits = b"".join(_gather(values[start : start + _CHUNK]) for start in range(0, len(values), _CHUNK))
    return shrink(bytes(map(int.bit_length, values))), bits


def unpack(column: Column) -> list[int]:
    """Return what `pack` was given. Raises Unsqueezable."""
    lengths, bits = restore(column[0]), column[1]
    if lengths and max(lengths) > LARGEST.bit_length():
        raise Unsqueezable("an integer of over 64 bits")
    values: list[int] = []
    place = 0
    for start in range(0, len(lengths), _CHUNK):
        chunk = lengths[start : start + _CHUNK]
        end = place + _bytes_of(chunk)
        _scatter(int.from_bytes(bits[place:end], "little"), chunk, values)
        place = end
    if place != len(bits):
        raise Unsqueezable("more or fewer bits than the lengths say")
    return values


def zigzag(value: int) -> int:
    """Map 0, -1, 1, -2, ... to 0, 1, 2, 3, ..."""
    return value * 2 if value >= 0 else -value * 2 - 1


def unzigzag(value: int) -> int:
    return -(value + 1) // 2 if value & 1 else value // 2


def _gather(values: Sequence[int]) -> bytes:
    gathered = shift = 0
    for value in values:
        below = value.bit_length() - 1
        if below > 0:
            gathered |= (value ^ (1 << below)) << shift
            shift += below
    return gathered.to_bytes((shift + 7) // 8, "little")


def _bytes_of(lengths: bytes) -> int:
    return (sum(lengths) - len(lengths) + lengths.count(0) + 7) // 8


def _scatter(gathered: int, lengths: bytes, values: list[int]) -> None:
    for length in lengths:
        below = length - 1
        if below > 0:
            highest = 1 << below
            values.append(highest | (gathered & (highest - 1)))
            gathered >>= below
        else:
            values.append(length)
