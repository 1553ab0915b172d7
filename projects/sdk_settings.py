"""What a project may set for the SDKs in its apps, and within which bounds. docs/wire.md, section 6."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Bounds(NamedTuple):
    """The least and the most that a number may be."""

    least: float
    most: float


ENGINES: Final = ("auto", "sampler", "pyinstrument", "none")
# Seconds, and a share of one CPU.
MEASURES: Final[Mapping[str, Bounds]] = {
    "sample_interval": Bounds(0.001, 1.0),
    "slow_threshold": Bounds(0.001, 3600.0),
    "overhead_budget": Bounds(0.0, 64.0),
}
# Profiles a minute of each endpoint in each process.
RATES: Final = ("keep_per_minute", "keep_slow_per_minute", "keep_error_per_minute")
RATE: Final = Bounds(0, 1_000)
PATTERNS: Final = ("include", "exclude")
MOST_PATTERNS: Final = 100
LONGEST_PATTERN: Final = 512

# Of one order for recordings, and of those that run at the same time in a project.
COUNT: Final = Bounds(1, 100)
MINUTES: Final = Bounds(1, 60)
MOST_ORDERS: Final = 100


def unset() -> dict[str, Any]:
    """What holds until somebody sets it: None leaves it to the SDK."""
    return {
        "enabled": True,
        "engine": None,
        **dict.fromkeys((*MEASURES, *RATES)),
        "include": [],
        "exclude": [],
    }


def complete(stored: Mapping[str, Any]) -> dict[str, Any]:
    """All settings by name, of what is stored of a project, which may be older than some of them."""
    return {name: stored.get(name, default) for name, default in unset().items()}


def pattern_lines(text: str) -> list[str]:
    """Route patterns that were entered one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def are_within_bounds(patterns: list[str]) -> bool:
    return len(patterns) <= MOST_PATTERNS and all(len(pattern) <= LONGEST_PATTERN for pattern in patterns)


def etag(payload: Mapping[str, Any]) -> str:
    """A strong entity tag, with its quotes."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
