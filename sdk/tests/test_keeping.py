from __future__ import annotations

import pytest

from perfplatform_sdk.keeping import ERROR, SAMPLED, SLOW, Endpoint, Keeping

ORDERS = Endpoint("request", "GET", "/orders")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("perfplatform_sdk.keeping.time.monotonic", lambda: clock.now)
    return clock


def test_random_share_is_the_first_three_and_then_at_most_ten_in_any_minute(clock: Clock) -> None:
    keeping = Keeping(overhead_budget=0.0)
    picked = []
    for _ in range(6_000):  # ten a second, ten minutes long
        if keeping.wants(ORDERS) == SAMPLED:
            keeping.sampled(ORDERS)
            picked.append(clock.now)
        clock.now += 0.1
    assert picked[2] < 1000.5
    for begin in range(1001, 1540):
        assert 9 <= sum(begin <= moment < begin + 60 for moment in picked) <= 10


def test_endpoints_and_triggers_have_a_share_of_their_own(clock: Clock) -> None:
    keeping = Keeping(overhead_budget=0.0)
    assert [keeping.keeps(ORDERS, ERROR) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [keeping.keeps(ORDERS, SLOW) for _ in range(5)] == [True] * 3 + [False] * 2
    assert keeping.wants(ORDERS) == SAMPLED
    assert keeping.keeps(ORDERS._replace(name="/basket"), ERROR)
    clock.now += 6
    assert [keeping.keeps(ORDERS, ERROR) for _ in range(2)] == [True, False]


def test_watching_for_slow_and_failed_requests_ends_with_its_budget_and_comes_back(clock: Clock) -> None:
    keeping = Keeping(overhead_budget=0.05)  # half a second of CPU time in ten seconds
    for _ in range(3):
        keeping.sampled(ORDERS)
    assert keeping.wants(ORDERS) == "watch"
    keeping.charge(0.7)
    assert keeping.wants(ORDERS) == ""
    assert keeping.wants(ORDERS._replace(name="/new")) == SAMPLED
    clock.now += 5
    assert keeping.wants(ORDERS) == "watch"


def test_budget_does_not_pile_up(clock: Clock) -> None:
    keeping = Keeping(overhead_budget=0.05)
    for _ in range(3):
        keeping.sampled(ORDERS)
    clock.now += 5
    assert keeping.wants(ORDERS) == "watch"
    keeping.charge(0.51)
    assert keeping.wants(ORDERS) == ""


def test_number_of_endpoints_is_bounded() -> None:
    keeping = Keeping(overhead_budget=0.0)
    for number in range(10_000):
        keeping.wants(Endpoint("request", "GET", f"/{number}"))
    assert len(keeping._paces) <= 6_001
