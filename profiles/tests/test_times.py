"""Seconds come back to the last bit, and cost less than doubles do."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import integers, times
from profiles.integers import unzigzag, zigzag
from profiles.squeeze import Unsqueezable
from profiles.times import CLOCK, DOUBLES, NANOSECONDS, TICKS, Times

SECONDS = st.floats(0, 86_400) | st.sampled_from([0.0, -0.0, 5e-324, 86_400.0, 1 / 3])
STEPS_NS = st.lists(st.integers(0, 2_000_000) | st.integers(0, 10**12), min_size=1, max_size=40)


def bits(seconds: Sequence[float]) -> bytes:
    return array("d", seconds).tobytes()


def clock_differences(start_ns: int, steps_ns: list[int]) -> list[float]:
    """What pyinstrument records: differences of CPython's `perf_counter()`, which is ns / 1e9."""
    readings = [reading / 1e9 for reading in accumulate(steps_ns, initial=start_ns)]
    return [after - before for before, after in pairwise(readings)]


@given(st.lists(SECONDS, max_size=20))
def test_any_seconds_come_back(seconds: list[float]) -> None:
    assert bits(times.unpack(times.pack(seconds))) == bits(seconds)


@given(STEPS_NS)
def test_whole_nanoseconds_are_kept_as_such(steps_ns: list[int]) -> None:
    """As the SDK's sampler writes them."""
    seconds = [step / 1e9 for step in steps_ns]
    packed = times.pack(seconds)
    assert packed.form == NANOSECONDS
    assert bits(times.unpack(packed)) == bits(seconds)


@given(st.integers(0, 10**17), st.lists(st.integers(0, 3_000_000), min_size=1, max_size=60))
def test_differences_of_a_clock_come_back(start_ns: int, steps_ns: list[int]) -> None:
    seconds = clock_differences(start_ns, steps_ns)
    assert bits(times.unpack(times.pack(seconds))) == bits(seconds)


@pytest.mark.parametrize("up_s", [100, 1_700, 90_000, 2_000_000])
def test_differences_of_a_clock_cost_what_their_nanoseconds_cost(up_s: int) -> None:
    steps_ns = [1_000_000 + (number * 7_919) % 100_000 for number in range(200)]
    packed = times.pack(clock_differences(up_s * 10**9 + 123_456_789, steps_ns))
    assert packed.form == CLOCK
    assert packed.values == times.pack([step / 1e9 for step in steps_ns]).values


def test_a_clock_that_is_coarser_than_nanoseconds_is_counted_in_its_own_steps() -> None:
    """A machine that runs for a year."""
    seconds = clock_differences(365 * 86_400 * 10**9, [1_000_003, 1_200_001, 999_999])
    packed = times.pack(seconds)
    assert packed.form in (CLOCK, TICKS)
    assert bits(times.unpack(packed)) == bits(seconds)


def test_what_no_clock_gave_is_kept_as_doubles() -> None:
    seconds = [math.pi, math.e, 0.1]
    packed = times.pack(seconds)
    assert (packed.form, times.unpack(packed)) == (DOUBLES, seconds)


@pytest.mark.parametrize(
    "damaged",
    [
        Times(9, 0, 0, 0, (b"\x00", b"")),
        Times(DOUBLES, 0, 0, 0, (b"\x00", b"")),
        Times(DOUBLES, 0, 0, 0, b"\x001234567"),
        Times(NANOSECONDS, 0, 0, 0, b"\x00"),
        Times(CLOCK, 2_000, 0, 0, (b"\x00\x01", b"")),
        Times(TICKS, -1, 0, 0, (b"\x00\x01", b"")),
        Times(NANOSECONDS, 0, 0, 0, (b"\x00\x05", b"")),
        Times(NANOSECONDS, 0, 0, 0, (b"\x00\x05", b"ab")),
        Times(NANOSECONDS, 0, 0, 0, (b"\x00\xff", b"\x00" * 32)),
    ],
)
def test_damaged_times_are_refused(damaged: Times) -> None:
    with pytest.raises(Unsqueezable):
        times.unpack(damaged)


@given(st.lists(st.integers(0, integers.LARGEST) | st.integers(0, 300), max_size=200))
def test_any_integers_come_back(values: list[int]) -> None:
    assert integers.unpack(integers.pack(values)) == values


@given(st.integers(-(2**62), 2**62))
def test_zigzag_both_ways(value: int) -> None:
    assert zigzag(value) >= 0
    assert unzigzag(zigzag(value)) == value
