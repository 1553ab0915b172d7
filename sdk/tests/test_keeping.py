from __future__ import annotations

import pytest

from perfplatform_sdk.config import Config
from perfplatform_sdk.keeping import ERROR, MANUAL, SAMPLED, SLOW, Endpoint, Keeping, Order

ORDERS = Endpoint("request", "GET", "/orders")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("perfplatform_sdk.keeping.time.monotonic", lambda: clock.now)
    monkeypatch.setattr("perfplatform_sdk.keeping.time.time", lambda: clock.now)
    return clock


def test_random_share_is_the_first_three_and_then_at_most_ten_in_any_minute(clock: Clock) -> None:
    keeping = Keeping(Config())
    picked = []
    for _ in range(6_000):  # ten a second, ten minutes long
        if keeping.pick(ORDERS) == SAMPLED:
            picked.append(clock.now)
        clock.now += 0.1
    assert picked[2] < 1000.5
    for begin in range(1001, 1540):
        assert 9 <= sum(begin <= moment < begin + 60 for moment in picked) <= 11


def test_rates_are_those_of_the_settings(clock: Clock) -> None:
    keeping = Keeping(Config(keep_first=1, keep_per_minute=60, keep_slow_per_minute=0))
    assert [keeping.pick(ORDERS) for _ in range(3)] == [SAMPLED, "", ""]
    clock.now += 1
    assert [keeping.pick(ORDERS) for _ in range(2)] == [SAMPLED, ""]


def test_twenty_slow_or_failed_ones_are_kept_at_once_and_then_ten_a_minute(clock: Clock) -> None:
    keeping = Keeping(Config())
    for trigger in (SLOW, ERROR):
        assert [keeping.keeps(ORDERS, trigger) for _ in range(22)] == [True] * 20 + [False] * 2
    clock.now += 6
    assert [keeping.keeps(ORDERS, ERROR) for _ in range(2)] == [True, False]
    assert keeping.keeps(ORDERS._replace(name="/basket"), ERROR)


def test_budget_for_slowing_requests_ends_and_comes_back(clock: Clock) -> None:
    keeping = Keeping(Config(overhead_budget=0.05))  # half a second of CPU time in ten seconds
    assert keeping.may_slow()
    keeping.charge(0.7)
    assert not keeping.may_slow()
    clock.now += 5
    assert keeping.may_slow()


def test_budget_does_not_pile_up(clock: Clock) -> None:
    keeping = Keeping(Config(overhead_budget=0.05))
    clock.now += 500
    assert keeping.may_slow()
    keeping.charge(0.51)
    assert not keeping.may_slow()


def test_without_budget_nothing_is_slowed() -> None:
    assert not Keeping(Config(overhead_budget=0.0)).may_slow()


def test_ordered_requests_are_kept_once_each_and_only_in_time(clock: Clock) -> None:
    keeping = Keeping(Config(keep_first=0, keep_per_minute=0))
    order = Order("a", "GET", "/orders", 2, clock.now + 60)
    keeping.order([order])
    keeping.order([order, Order("b", "GET", "/basket", 5, clock.now + 1)])
    assert [keeping.pick(ORDERS) for _ in range(3)] == [MANUAL, MANUAL, ""]
    clock.now += 2
    assert keeping.pick(ORDERS._replace(name="/basket")) == ""
    keeping.order([order])
    assert keeping.pick(ORDERS) == ""


def test_number_of_endpoints_is_bounded() -> None:
    keeping = Keeping(Config())
    for number in range(10_000):
        keeping.pick(Endpoint("request", "GET", f"/{number}"))
    assert len(keeping._paces) <= 6_001
