"""How long everything is measured."""

from __future__ import annotations

from typing import NamedTuple


class Scale(NamedTuple):
    """Seconds and counts of a whole run, or of a quick one."""

    quick: bool
    generations: int  # of processes; the rounds are those of each
    view_rounds: int
    view_block_s: float
    mixed_rounds: int
    mixed_block_s: float
    auto_mixed_rounds: int
    popular_s: float
    share_s: float  # a stretch
    share_stretches: int
    rare_endpoints: int
    rare_requests: int  # of each endpoint
    volume_s: float
    long_endpoints: int


WHOLE = Scale(
    quick=False,
    generations=2,
    view_rounds=12,
    view_block_s=0.05,
    mixed_rounds=10,
    mixed_block_s=0.2,
    auto_mixed_rounds=30,
    popular_s=45,
    share_s=3,
    share_stretches=3,
    rare_endpoints=20,
    rare_requests=5_000,
    volume_s=90,
    long_endpoints=10,
)
QUICK = Scale(
    quick=True,
    generations=1,
    view_rounds=2,
    view_block_s=0.02,
    mixed_rounds=2,
    mixed_block_s=0.05,
    auto_mixed_rounds=3,
    popular_s=3,
    share_s=0.5,
    share_stretches=1,
    rare_endpoints=5,
    rare_requests=100,
    volume_s=5,
    long_endpoints=1,
)
