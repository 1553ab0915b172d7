"""Figures beside those of the period before: what is said, and of how little nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.headline import Compared, Figure, compare
from profiles.trends import Measured


def measured(count: int = 100, **changes: Any) -> Measured:
    said: dict[str, Any] = {
        "count": count,
        "errors": 0,
        "timed": count,
        "sum_us": 0,
        "p50_us": 1_000.0,
        "p95_us": 2_000.0,
        "p99_us": 3_000.0,
        "counters": {},
    }
    return Measured(**{**said, **changes})


def compared(
    now: Measured, before: Measured, *, minutes: float = 10, minutes_before: float = 10
) -> dict[str, Compared]:
    found = compare(now, before, minutes=minutes, minutes_before=minutes_before)
    return {str(one.figure): one for one in found}


def test_slower_is_worse_and_faster_is_better() -> None:
    found = compared(measured(p50_us=1_500.0, p95_us=1_000.0), measured())
    assert (found["p50"].sign, found["p50"].size_percent, found["p50"].is_worse) == ("+", 50, True)
    assert (found["p95"].sign, found["p95"].size_percent, found["p95"].is_better) == ("−", 50, True)
    assert (found["p99"].sign, found["p99"].is_worse, found["p99"].is_better) == ("", False, False)


def test_more_requests_are_neither_good_nor_bad() -> None:
    rate = compared(measured(200), measured(100))["rate"]
    assert (rate.sign, rate.change_percent, rate.is_worse, rate.is_better) == ("+", 100, False, False)


def test_rates_are_compared_where_periods_differ() -> None:
    rate = compared(measured(100), measured(200), minutes=10, minutes_before=20)["rate"]
    assert (rate.now, rate.before, rate.sign) == (10, 10, "")


def test_more_errors_are_worse() -> None:
    errors = compared(measured(errors=10), measured(errors=5))["errors"]
    assert (errors.now, errors.before, errors.is_worse) == (0.1, 0.05, True)
    # From none there is no percentage.
    errors = compared(measured(errors=10), measured())["errors"]
    assert (errors.change_percent, errors.sign, errors.before) == (None, "", 0)


@pytest.mark.parametrize(("now", "before"), [(19, 100), (100, 19), (100, 0), (0, 100)])
def test_of_few_requests_nothing_is_said(now: int, before: int) -> None:
    found = compared(measured(now), measured(before))
    assert all(one.before is None and not one.sign for one in found.values())


def test_of_few_timed_requests_no_time_is_compared() -> None:
    found = compared(measured(timed=5), measured())
    assert (found["p95"].before, found["rate"].before) == (None, 10)


def test_without_any_there_is_no_figure() -> None:
    nothing = measured(0, p50_us=None, p95_us=None, p99_us=None)
    found = compared(nothing, nothing)
    assert found["errors"].now is None
    assert found["p50"].now is None
    assert found["count"].now == 0


def test_a_change_below_one_percent_is_none() -> None:
    assert Compared(Figure.P50, 1_009.0, 1_000.0).sign == ""
    assert Compared(Figure.P50, 1_010.0, 1_000.0).sign == "+"
