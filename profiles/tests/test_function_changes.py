"""Functions of an endpoint on two sides."""

from __future__ import annotations

import random

import pytest

from profiles.calltree import Function
from profiles.function_changes import FunctionChanges, FunctionTimes, Seen, compare
from profiles.verdict import Because, Verdict

INTERVAL_US = 10_000


def function(name: str) -> Function:
    return Function(name, "", "", "shop/views.py", 0, library=False)


def seen(draw: random.Random, profiles: int = 100, **own_us: int) -> Seen:
    """Profiles in which functions took so many samples of their own, as a sampler sees them."""
    functions = []
    for name, mean_us in own_us.items():
        own = [
            round(draw.lognormvariate(0, 0.2) * mean_us / INTERVAL_US) * INTERVAL_US for _ in range(profiles)
        ]
        own = [value for value in own if value]
        functions.append(FunctionTimes(function(name), own, own))
    return Seen(profiles, functions)


def by_name(changes: FunctionChanges) -> dict[str, Verdict]:
    return {row.function.name: row.verdict for row in changes.rows}


@pytest.fixture
def draw() -> random.Random:
    return random.Random(4)


def test_the_function_that_became_slower_is_the_suspect(draw: random.Random) -> None:
    changes = compare(
        seen(draw, query=50_000, render=80_000, tiny=500),
        seen(draw, query=140_000, render=80_000, tiny=900),
        interval_us=INTERVAL_US,
    )
    assert by_name(changes) == {
        "query": Verdict.REGRESSED,
        "render": changes.rows[1].verdict,
        "tiny": Verdict.UNCHANGED,
    }
    assert changes.suspect
    assert changes.suspect.function.name == "query"
    assert changes.suspect.judged
    assert changes.suspect.judged.reasons[0].because is Because.LOCATION
    assert changes.suspect.head_self_us == pytest.approx(140_000, rel=0.1)


def test_two_samples_more_are_no_change(draw: random.Random) -> None:
    changes = compare(
        seen(draw, profiles=500, query=20_000),
        seen(draw, profiles=500, query=35_000),
        interval_us=INTERVAL_US,
    )
    assert by_name(changes)["query"] is not Verdict.REGRESSED
    assert changes.suspect is None


def test_a_function_that_mended_is_found(draw: random.Random) -> None:
    changes = compare(seen(draw, query=200_000), seen(draw, query=50_000), interval_us=INTERVAL_US)
    assert by_name(changes) == {"query": Verdict.IMPROVED}


def test_a_new_function_that_takes_much_is_slower_than_none(draw: random.Random) -> None:
    changes = compare(seen(draw, view=50_000), seen(draw, view=50_000, loop=300_000), interval_us=INTERVAL_US)
    [row] = [row for row in changes.rows if row.function.name == "loop"]
    assert row.is_new
    assert not row.is_vanished
    assert row.verdict is Verdict.REGRESSED
    back = compare(seen(draw, view=50_000, loop=300_000), seen(draw, view=50_000), interval_us=INTERVAL_US)
    assert [row.function.name for row in back.rows if row.is_vanished] == ["loop"]


def test_profiles_without_a_function_count_as_none(draw: random.Random) -> None:
    rare = Seen(100, [FunctionTimes(function("rare"), [400_000] * 10, [400_000] * 10)])
    changes = compare(rare, seen(draw, profiles=100, rare=40_000), interval_us=INTERVAL_US)
    assert changes.rows[0].base_self_us == 40_000


def test_few_profiles_say_nothing(draw: random.Random) -> None:
    changes = compare(
        seen(draw, profiles=5, query=50_000), seen(draw, profiles=5, query=500_000), interval_us=INTERVAL_US
    )
    assert changes.rows[0].verdict is Verdict.INCONCLUSIVE
    assert compare(Seen(0, []), Seen(0, []), interval_us=INTERVAL_US).rows == []


def test_a_small_function_weakens_no_verdict(draw: random.Random) -> None:
    """What can never matter is no hypothesis."""
    small = {f"small{number}": 900 for number in range(200)}
    changes = compare(
        seen(random.Random(1), query=50_000, **small),
        seen(random.Random(2), query=90_000, **small),
        interval_us=INTERVAL_US,
    )
    [row] = [row for row in changes.rows if row.function.name == "query"]
    alone = compare(
        seen(random.Random(1), query=50_000), seen(random.Random(2), query=90_000), interval_us=INTERVAL_US
    )
    assert row.judged
    assert alone.rows[0].judged
    assert row.judged.reasons == alone.rows[0].judged.reasons
