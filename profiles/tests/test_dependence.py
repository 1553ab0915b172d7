"""Requests that resemble those of their own minute."""

from __future__ import annotations

import math
import random

import pytest

from profiles.dependence import INDEPENDENT, Dependence, dependence
from profiles.durations import Durations
from profiles.significance import two_sided


def stretches(draw: random.Random, *, minutes: int, sigma: float, a_minute: int = 20) -> list[Durations]:
    found = []
    for _ in range(minutes):
        shared = 50_000 * math.exp(sigma * draw.gauss(0, 1))
        found.append(
            Durations.of_values(round(shared * draw.lognormvariate(0, 0.3)) for _request in range(a_minute))
        )
    return found


def test_independent_requests_are_hardly_ever_called_dependent() -> None:
    draw = random.Random(1)
    found = [
        dependence(stretches(draw, minutes=12, sigma=0), stretches(draw, minutes=12, sigma=0))
        for _ in range(100)
    ]
    assert sum(one != INDEPENDENT for one in found) <= 12


def test_requests_of_slow_and_fast_minutes_count_for_fewer() -> None:
    draw = random.Random(2)
    found = dependence(stretches(draw, minutes=30, sigma=0.3), stretches(draw, minutes=30, sigma=0.3))
    # About half of the variance is that of minutes of 20 requests each: 1 + 19 * 0.5.
    assert 5 < found.factor < 16
    assert found.freedom == 58


def test_one_stretch_shows_nothing() -> None:
    draw = random.Random(3)
    assert dependence(stretches(draw, minutes=1, sigma=1), stretches(draw, minutes=9, sigma=1)) == INDEPENDENT


def test_equal_requests_depend_on_nothing() -> None:
    same = [Durations.of_values([1_000] * 10)] * 4
    assert dependence(same, same) == INDEPENDENT


def test_a_correction_makes_evidence_weaker_and_never_turns_it() -> None:
    assert INDEPENDENT.corrected(-4.2) == -4.2
    weaker = Dependence(4.0, 38).corrected(-8.0)
    assert -4.0 < weaker < -3.4
    assert Dependence(4.0, 4).corrected(8.0) < Dependence(4.0, 400).corrected(8.0) < 4.0


@pytest.mark.parametrize(("t", "freedom", "p"), [(2.228, 10, 0.05), (2.845, 20, 0.01), (4.604, 4, 0.01)])
def test_few_stretches_are_judged_by_students_t(t: float, freedom: int, p: float) -> None:
    assert two_sided(Dependence(1.0001, freedom).corrected(t)) == pytest.approx(p, rel=0.06)
