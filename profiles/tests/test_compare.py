"""Verdicts and their reasons."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.compare import Floor, Judged, Pair, Side, judge
from profiles.dependence import Dependence
from profiles.durations import Durations
from profiles.verdict import Because, Verdict

counts = st.lists(st.integers(1_000, 1_000_000), min_size=0, max_size=60)


def side(
    draw: random.Random,
    *,
    median_us: float = 50_000,
    count: int = 200,
    errors: int = 0,
    sigma: float = 0.3,
    slow: float = 0.0,
) -> Side:
    values = [
        round(median_us * draw.lognormvariate(0, sigma) * (6 if draw.random() < slow else 1))
        for _ in range(count)
    ]
    return Side(count, errors, Durations.of_values(values))


def only(pair: Pair, **options: object) -> Judged[str]:
    [judged] = judge({"endpoint": pair}, **options)  # type: ignore[arg-type]
    return judged


@pytest.fixture
def draw() -> random.Random:
    return random.Random(7)


def test_a_slower_endpoint_has_regressed(draw: random.Random) -> None:
    judged = only(Pair(side(draw), side(draw, median_us=75_000)))
    assert judged.verdict is Verdict.REGRESSED
    numbers = judged.reasons[0].numbers
    assert judged.reasons[0].because is Because.LOCATION
    assert numbers["base_us"] == pytest.approx(50_000, rel=0.1)
    assert numbers["head_us"] == pytest.approx(75_000, rel=0.1)
    assert 1.1 < numbers["lowest"] < numbers["ratio"] < numbers["highest"] < 2
    assert numbers["cliffs_d"] > 0.147
    assert numbers["q"] < 0.01


def test_a_faster_endpoint_has_improved(draw: random.Random) -> None:
    judged = only(Pair(side(draw), side(draw, median_us=30_000)))
    assert judged.verdict is Verdict.IMPROVED
    assert judged.reasons[0].numbers["highest"] < 1


def test_the_same_requests_are_unchanged(draw: random.Random) -> None:
    same = side(draw, count=3_000)
    judged = only(Pair(same, same))
    assert judged.verdict is Verdict.UNCHANGED
    assert judged.reasons[0].because is Because.NO_CHANGE
    assert judged.change
    assert judged.change.ratio == 1


def test_too_few_requests_say_so(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=19), side(draw, median_us=500_000)))
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reasons[0].because is Because.TOO_FEW
    assert judged.reasons[0].numbers == {"least": 20, "base_count": 19, "head_count": 200}
    assert judged.change is None


def test_no_requests_at_all_are_too_few() -> None:
    nothing = Side(0, 0, Durations.of(0))
    assert only(Pair(nothing, nothing)).reasons[0].because is Because.TOO_FEW


def test_what_cannot_be_known_yet_says_how_many_requests_would_do(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=25, sigma=0.8), side(draw, count=25, sigma=0.8)))
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reasons[0].because is Because.UNCERTAIN
    assert judged.reasons[0].numbers["needed"] > 200


def test_a_change_of_less_than_a_millisecond_is_none(draw: random.Random) -> None:
    judged = only(Pair(side(draw, median_us=1_000, count=5_000), side(draw, median_us=1_500, count=5_000)))
    # Half as much again, for sure, and yet nobody waits for it; the tail alone would be told.
    assert [reason.because for reason in judged.reasons] == [Because.TAIL] or (
        judged.reasons[0].because is Because.SMALL
    )
    smaller = only(Pair(side(draw, median_us=1_000, count=199), side(draw, median_us=1_500, count=199)))
    assert smaller.verdict is Verdict.UNCHANGED
    assert smaller.reasons[0].because is Because.SMALL


def test_a_change_of_five_percent_is_too_small_however_sure(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=20_000), side(draw, median_us=52_500, count=20_000)))
    assert judged.verdict is Verdict.UNCHANGED
    assert judged.reasons[0].because is Because.SMALL
    assert judged.reasons[0].numbers["q"] < 0.01


def test_a_tail_that_grew_is_found_though_the_median_stands(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=2_000), side(draw, count=2_000, slow=0.1)))
    assert judged.verdict is Verdict.REGRESSED
    [reason] = judged.reasons
    assert reason.because is Because.TAIL
    assert reason.numbers["base_share"] == pytest.approx(0.05, abs=0.005)
    assert reason.numbers["head_share"] > 0.1
    assert reason.numbers["head_us"] > 1.2 * reason.numbers["base_us"]
    back = only(Pair(judged.pair.head, judged.pair.base))
    assert back.verdict is Verdict.IMPROVED
    assert [reason.because for reason in back.reasons] == [Because.TAIL]


def test_a_tail_of_fewer_than_two_hundred_is_not_judged(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=199), side(draw, count=199, slow=0.3)))
    assert Because.TAIL not in [reason.because for reason in judged.reasons]


def test_more_errors_are_a_regression(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=2_000, errors=2), side(draw, count=2_000, errors=60)))
    assert judged.verdict is Verdict.REGRESSED
    [reason] = judged.reasons
    assert reason.because is Because.ERRORS
    assert (reason.numbers["base_share"], reason.numbers["head_share"]) == (0.001, 0.03)
    back = only(Pair(judged.pair.head, judged.pair.base))
    assert back.verdict is Verdict.IMPROVED


def test_less_than_one_point_more_errors_is_not_told(draw: random.Random) -> None:
    many = 20_000
    judged = only(Pair(side(draw, count=many, errors=20), side(draw, count=many, errors=200)))
    assert judged.verdict is not Verdict.REGRESSED


def test_what_is_worse_comes_before_what_is_better(draw: random.Random) -> None:
    judged = only(Pair(side(draw, count=1_000), side(draw, median_us=30_000, count=1_000, errors=100)))
    assert judged.verdict is Verdict.REGRESSED
    assert [reason.because for reason in judged.reasons] == [Because.ERRORS, Because.LOCATION, Because.TAIL]


def test_one_of_many_needs_more_evidence(draw: random.Random) -> None:
    same, draw = side(draw, count=40), random.Random(3)
    suspect = Pair(side(draw, count=24), side(draw, count=24, median_us=75_000))
    assert only(suspect).verdict is Verdict.REGRESSED
    many = judge({"suspect": suspect, **{f"{number}": Pair(same, same) for number in range(400)}})
    assert many[0].verdict is Verdict.INCONCLUSIVE
    assert {judged.verdict for judged in many[1:]} <= {Verdict.UNCHANGED, Verdict.INCONCLUSIVE}


def test_what_has_too_few_requests_weakens_nobody_elses_evidence(draw: random.Random) -> None:
    few = Pair(side(draw, count=5), side(draw, count=5))
    suspect = Pair(side(draw, count=24), side(draw, count=24, median_us=75_000))
    alone = only(suspect).reasons
    assert judge({"few": few, "suspect": suspect, "more": few})[1].reasons == alone


def test_requests_that_depend_on_each_other_convict_nobody(draw: random.Random) -> None:
    pair = Pair(side(draw), side(draw, median_us=62_000))
    assert only(pair).verdict is Verdict.REGRESSED
    judged = only(pair, dependence=lambda _name: Dependence(40.0, 18))
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert judged.reasons[0].because is Because.DEPENDENT
    assert judged.reasons[0].numbers["factor"] == 40
    certain = only(
        Pair(pair.base, side(draw, median_us=200_000)), dependence=lambda _name: Dependence(2.0, 60)
    )
    assert certain.verdict is Verdict.REGRESSED
    assert certain.dependence == Dependence(2.0, 60)


def test_dependence_is_asked_of_suspects_alone(draw: random.Random) -> None:
    asked: list[str] = []

    def found(name: str) -> Dependence:
        asked.append(name)
        return Dependence(1.0, 0)

    same = side(draw)
    judge({"same": Pair(same, same), "slower": Pair(same, side(draw, median_us=90_000))}, dependence=found)
    assert asked == ["slower"]


def test_a_floor_of_ones_own_holds_for_functions(draw: random.Random) -> None:
    pair = Pair(side(draw, median_us=10_000), side(draw, median_us=25_000))
    assert only(pair, floor=Floor(0.1, 10_000)).verdict is Verdict.REGRESSED
    assert only(pair, floor=Floor(0.1, 20_000)).reasons[0].because is Because.SMALL


@given(counts, counts, st.integers(0, 60), st.integers(0, 60))
def test_any_two_sides_get_a_verdict_with_a_reason(
    base: list[int], head: list[int], base_errors: int, head_errors: int
) -> None:
    before = Side(len(base), min(base_errors, len(base)), Durations.of_values(base))
    after = Side(len(head), min(head_errors, len(head)), Durations.of_values(head))
    one, other = only(Pair(before, after)), only(Pair(after, before))
    assert one.reasons
    turned: Callable[[Verdict], Verdict] = {
        Verdict.REGRESSED: Verdict.IMPROVED,
        Verdict.IMPROVED: Verdict.REGRESSED,
    }.get  # type: ignore[assignment]
    if {reason.because for reason in one.reasons} == {Because.ERRORS}:
        assert other.verdict is turned(one.verdict)
