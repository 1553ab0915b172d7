from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from profiles import tally
from profiles.tally import Tally

counts = st.dictionaries(st.sampled_from(tally.DROP_REASONS), st.integers(0, 2**53), max_size=7)
names = st.dictionaries(st.text(min_size=1, max_size=64), st.integers(0, 2**53), max_size=32)


def document(counted: Tally) -> dict[str, dict[str, int]]:
    """The counting document that the increments of a tally make."""
    found: dict[str, dict[str, int]] = {}
    for path, count in counted.increments().items():
        field, _dot, key = path.partition(".")
        found.setdefault(field, {})[key] = count
    return found


@given(st.integers(0, 9), st.integers(0, 9), counts, counts)
def test_what_is_counted_adds_up(
    profiles: int, ledger: int, refused: dict[str, int], dropped: dict[str, int]
) -> None:
    counted = Tally(profiles, ledger, Counter(refused), Counter(dropped))
    doubled = tally.total([document(counted), {}, document(counted)])
    assert (doubled.profiles, doubled.ledger) == (2 * profiles, 2 * ledger)
    assert doubled.refused == Counter({code: 2 * count for code, count in refused.items()})
    assert doubled.dropped == Counter({reason: 2 * count for reason, count in dropped.items()})


def test_nothing_makes_no_increment() -> None:
    assert Tally(refused=Counter(invalid=0)).increments() == {}


@given(st.lists(names, max_size=4))
def test_unknown_names_make_no_new_ones(told: list[dict[str, int]]) -> None:
    assert set(tally.drops(told)) <= {*tally.DROP_REASONS, tally.OTHER}
    assert set(tally.statistics(told)) <= set(tally.STATISTICS)


def test_names_that_only_a_newer_sdk_knows_are_counted_together() -> None:
    assert tally.drops([{"$set": 2, "a.b": 3, "queue_full": 1}]) == {"other": 5, "queue_full": 1}


def test_of_cumulative_counts_the_greatest_holds() -> None:
    assert tally.drops([{"queue_full": 3}, {"queue_full": 5, "refused": 1}]) == {
        "queue_full": 5,
        "refused": 1,
    }
    assert tally.statistics([{"posts": 9, "colour": 1}, {"posts": 4}]) == {"posts": 9}


@given(counts, counts)
def test_increase_is_never_negative_and_comes_once(first: dict[str, int], second: dict[str, int]) -> None:
    grown = tally.increase(first, second)
    assert all(count > 0 for count in grown.values())
    highest = Counter(first) | Counter(second)
    assert Counter(first) + grown == highest
    assert tally.increase(highest, second) == Counter()
