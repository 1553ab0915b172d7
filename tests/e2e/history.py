"""Hours of traffic of a shop, as the ledgers of its processes tell them. No Django here."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from profiles.tests import ledgers

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Traffic:
    """An endpoint: how often a minute, how long in the median, how wide, and which share fails."""

    route: str
    per_minute: float
    median_us: int
    spread: float = 0.4
    failing: float = 0.0
    kind: str = "request"
    method: str = "GET"


SHOP = (
    Traffic("/products", 38, 42_000),
    Traffic("/products/<int:product_id>", 64, 18_000),
    Traffic("/cart", 21, 27_000, method="POST"),
    Traffic("/checkout", 6, 310_000, spread=0.7, failing=0.012, method="POST"),
    Traffic("/search", 17, 96_000, spread=0.9),
    Traffic("/orders/<int:order_id>", 9, 55_000),
    Traffic("/account/settings", 3, 22_000),
    Traffic("/invoices/<int:number>.pdf", 1.5, 1_900_000, spread=0.3, failing=0.004),
    Traffic("/healthz", 12, 900, spread=0.2),
    Traffic("shop.tasks.send_receipt", 6, 240_000, kind="task", method="", failing=0.02),
    Traffic("shop.tasks.rebuild_index", 0.2, 48_000_000, kind="task", method=""),
    Traffic("shop.pricing.price_of", 80, 1_400, spread=0.6, kind="call", method=""),
)


def minutes(
    until: datetime, hours: float, *, slower: str = "", seed: str = "shop"
) -> Iterator[dict[str, Any]]:
    """One ledger document a minute up to `until`, busier around the middle; `slower` takes twice as long."""
    total = round(hours * 60)
    first = until.replace(second=0, microsecond=0) - total * MINUTE
    for number in range(total):
        choose = random.Random(f"{seed} {number}")
        busy = 0.7 + 0.5 * math.sin(math.pi * number / total) + choose.uniform(-0.08, 0.08)
        entries = [_entry(traffic, busy, slower, choose) for traffic in SHOP]
        yield ledgers.document(first + number * MINUTE, *(entry for entry in entries if entry["count"]))


def _entry(traffic: Traffic, busy: float, slower: str, choose: random.Random) -> dict[str, Any]:
    expected = traffic.per_minute * busy
    count = int(expected) + (choose.random() < expected % 1)
    factor = 2.1 if traffic.route == slower else 1.0
    durations = [
        round(factor * traffic.median_us * choose.lognormvariate(0, traffic.spread)) for _ in range(count)
    ]
    failed = sum(choose.random() < traffic.failing * factor for _ in range(count))
    whole = sum(durations)
    return ledgers.endpoint(
        traffic.route,
        durations=durations,
        errors=failed,
        kind=traffic.kind,
        method=traffic.method,
        counters=[[6, 1, 7, 3 * count, whole // 3]] if count else [],
        stacks={"sampler": ledgers.stacks(whole // 2, whole // 3)} if count else {},
    )
