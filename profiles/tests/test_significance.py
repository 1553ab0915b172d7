"""Tests of tests: against what counting every case says."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from profiles import significance
from profiles.durations import Durations
from profiles.significance import adjusted, mann_whitney, two_proportions

few = st.lists(st.integers(0, 5), min_size=1, max_size=5)
# Each in a bucket of its own, so that they tie only where they are equal.
SPREAD = [1, 10, 100, 1_000, 10_000, 100_000]


def durations(ranks: list[int]) -> Durations:
    return Durations.of_values(SPREAD[rank] for rank in ranks)


def wins(base: list[int], head: list[int]) -> Fraction:
    """U by its definition: pairs in which head is slower, and half of the ties."""
    return sum(
        (Fraction(after > before) + Fraction(after == before, 2) for before in base for after in head),
        Fraction(0),
    )


@given(few, few)
def test_cliffs_d_is_what_counting_pairs_gives(base: list[int], head: list[int]) -> None:
    expected = 2 * wins(base, head) / (len(base) * len(head)) - 1
    assert mann_whitney(durations(base), durations(head)).cliffs_d == pytest.approx(float(expected))


@given(few, few)
def test_z_has_the_deviation_of_all_ways_to_part_the_same_requests(base: list[int], head: list[int]) -> None:
    whole = [*base, *head]
    scores = []
    for chosen in combinations(range(len(whole)), len(head)):
        rest = [whole[place] for place in range(len(whole)) if place not in chosen]
        scores.append(wins(rest, [whole[place] for place in chosen]))
    mean = sum(scores, Fraction(0)) / len(scores)
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
    assume(deviation > 0)
    distance = float(wins(base, head) - mean)
    expected = math.copysign(max(0.0, abs(distance) - 0.5) / deviation, distance)
    assert mann_whitney(durations(base), durations(head)).z == pytest.approx(expected)


@given(few, few)
def test_sides_in_turn_give_the_same_with_another_sign(base: list[int], head: list[int]) -> None:
    one, other = (
        mann_whitney(durations(base), durations(head)),
        mann_whitney(durations(head), durations(base)),
    )
    assert one.cliffs_d == pytest.approx(-other.cliffs_d)
    assert one.p == pytest.approx(other.p)


def test_equal_requests_say_nothing() -> None:
    found = mann_whitney(durations([3] * 100), durations([3] * 50))
    assert (found.cliffs_d, found.z, found.p) == (0, 0, 1)


def test_two_sided_is_of_the_standard_normal_distribution() -> None:
    assert significance.two_sided(1.959964) == pytest.approx(0.05, rel=1e-5)
    assert significance.two_sided(-2.575829) == pytest.approx(0.01, rel=1e-5)


@given(st.floats(0, 36))
def test_deviations_are_what_two_sided_took(z: float) -> None:
    assert significance.deviations(significance.two_sided(z)) == pytest.approx(z, abs=1e-6)
    assert significance.deviations(0.0) > 36


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_shares_are_tested_by_counting_all_tables(base: int, head: int, data: st.DataObject) -> None:
    base_hits = data.draw(st.integers(0, base))
    head_hits = data.draw(st.integers(0, head))
    hits = base_hits + head_hits

    def likely(found: int) -> float:
        return math.comb(head, found) * math.comb(base, hits - found) / math.comb(base + head, hits)

    possible = range(max(0, hits - base), min(hits, head) + 1)
    upper = sum(likely(found) for found in possible if found >= head_hits)
    lower = sum(likely(found) for found in possible if found <= head_hits)
    found = two_proportions(base_hits, base, head_hits, head)
    # Of twice the one that lies on the side of the difference.
    differ = head_hits * base - base_hits * head
    expected = {True: upper, False: lower}[differ > 0] if differ else max(upper, lower)
    assert found == pytest.approx(min(1.0, 2 * expected), abs=1e-9)


def test_many_events_are_tested_as_exactly_by_the_normal_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = two_proportions(900, 20_000, 1_050, 20_000)
    monkeypatch.setattr(significance, "MOST_EXACT", 0)
    assert two_proportions(900, 20_000, 1_050, 20_000) == pytest.approx(exact, rel=0.15)


def test_one_failure_among_few_is_no_evidence_against_none_among_many() -> None:
    # The normal approximation would give p < 0.0001.
    assert two_proportions(300, 1_000_000, 1, 200) == pytest.approx(2 * 0.0584, rel=0.02)


def test_none_and_all_say_nothing() -> None:
    assert two_proportions(0, 5, 0, 9) == two_proportions(5, 5, 9, 9) == 1


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.5))
def test_what_is_below_q_is_what_benjamini_and_hochberg_reject(p: list[float], level: float) -> None:
    ordered = sorted(p)
    passing = [rank for rank, value in enumerate(ordered, 1) if value * len(p) / rank <= level]
    limit = ordered[max(passing) - 1] if passing else -1.0
    assert [q <= level for q in adjusted(p)] == [value <= limit for value in p]


def test_one_hypothesis_is_its_own_family() -> None:
    assert adjusted([0.004]) == [0.004]
    assert adjusted([]) == []
