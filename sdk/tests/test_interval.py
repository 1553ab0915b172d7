"""Python's switch interval is shortened while it helps, and given back."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from perfplatform_sdk.engines.interval import DEFAULT_S, SwitchInterval, be_punctual, fitting


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(DEFAULT_S)
    yield
    sys.setswitchinterval(before)


def test_it_is_short_where_nobody_competes_and_longer_in_a_crowd() -> None:
    alone, pair, crowd = fitting(1, 0.9), fitting(2, 0.3), fitting(8, 1.0)
    assert alone < pair < crowd < DEFAULT_S
    assert fitting(0, 0.0) == alone


def test_it_is_given_back() -> None:
    interval = SwitchInterval()
    interval.set(0.0001)
    assert sys.getswitchinterval() == pytest.approx(0.0001)
    interval.set(0.00002)
    interval.restore()
    assert sys.getswitchinterval() == pytest.approx(DEFAULT_S)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_app_that_sets_it_keeps_its_own(when: str) -> None:
    interval = SwitchInterval()
    if when == "meanwhile":
        interval.set(0.0001)
    sys.setswitchinterval(0.02)
    interval.set(0.0002)
    interval.restore()
    interval.set(0.0001)
    assert sys.getswitchinterval() == pytest.approx(0.02)


def test_punctuality_is_of_this_thread_and_raises_nothing() -> None:
    be_punctual()
