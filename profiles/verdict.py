"""What is said of a change, and why, as data: pages and programs make sentences of it. No Django here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """In the order of a table: what needs eyes first."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    INCONCLUSIVE = "inconclusive"
    UNCHANGED = "unchanged"


class Because(StrEnum):
    """Why a verdict is what it is. `Reason` says which numbers go with each."""

    LOCATION = "location"
    TAIL = "tail"
    ERRORS = "errors"
    TOO_FEW = "too_few"
    DEPENDENT = "dependent"
    UNCERTAIN = "uncertain"
    SMALL = "small"
    NO_CHANGE = "no_change"


class Warned(StrEnum):
    """What a verdict should be read with."""

    WEEKDAYS = "weekdays"
    HOURS = "hours"
    DEPENDENCE = "dependence"
    BIMODAL = "bimodal"
    MIX = "mix"
    PYTHON = "python"


@dataclass(frozen=True)
class Reason:
    """`because` with its numbers: durations in `_us`, shares of 1, ratios head to base, counts.

    location   base_us, head_us (medians), ratio, lowest, highest (interval of it), cliffs_d, q
    tail       limit_us (p95 of the faster side), base_share, head_share (above it), base_us, head_us (p95), q
    errors     base_share, head_share, q
    too_few    least, base_count, head_count
    dependent  factor, base_count, head_count, and those of `location`
    uncertain  those of `location` but for q: the interval reaches beyond what matters; `needed` a side
    small      those of `location`: there is a change, and it is too small to matter
    no_change  those of `location` but for q: the interval leaves no room for a change that matters
    """

    because: Because
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Caution:
    """`warned` with its numbers.

    weekdays, hours  shared: the share of requests that have a counterpart on the same weekday or hour
    dependence       factor: how many requests count as one
    bimodal          lower_us, upper_us (means of two groups), share (of the upper one), of the side `side`
    mix              moved: the share of requests that go elsewhere
    python           no numbers
    """

    warned: Warned
    numbers: Mapping[str, float]
