"""How many items came in, were refused and were dropped: what counters add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Why an SDK drops, and what it says of itself (docs/wire.md, section 3). A newer one may know more: that is
# counted under OTHER, so that no sender makes up names without end.
DROP_REASONS: Final = (
    "queue_full",
    "rate_limited",
    "too_large",
    "refused",
    "send_failed",
    "internal_error",
    "before_send",
)
STATISTICS: Final = (
    "events",
    "profiles",
    "posts",
    "failed_posts",
    "sent_profiles",
    "sent_bytes",
    "sending_us",
    "sampling_us",
)
OTHER: Final = "other"
# A body that could not be read at all: whatever it held counts as one.
UNREADABLE: Final = "unreadable"


@dataclass
class Tally:
    """Items of a project in a stretch of time; `refused` by code, `dropped` by the SDK's reason."""

    profiles: int = 0
    ledger: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def increments(self) -> dict[str, int]:
        """What is to be added to the fields of a counting document, without zeros."""
        found = {"accepted.profiles": self.profiles, "accepted.ledger": self.ledger}
        for name, counts in (("refused", self.refused), ("dropped", self.dropped)):
            found |= {f"{name}.{key}": count for key, count in counts.items()}
        return {path: count for path, count in found.items() if count}


def total(documents: Iterable[Mapping[str, Any]]) -> Tally:
    """The sum of counting documents."""
    found = Tally()
    for document in documents:
        accepted = document.get("accepted", {})
        found.profiles += accepted.get("profiles", 0)
        found.ledger += accepted.get("ledger", 0)
        found.refused.update(document.get("refused", {}))
        found.dropped.update(document.get("dropped", {}))
    return found


def drops(told: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """By known reason the most that ledger documents of one instance tell, since each is cumulative."""
    found: Counter[str] = Counter()
    for document in told:
        known: Counter[str] = Counter()
        for reason, count in document.items():
            known[reason if reason in DROP_REASONS else OTHER] += count
        found |= known
    return dict(found)


def statistics(told: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """By known name the most that ledger documents of one instance tell."""
    found: Counter[str] = Counter()
    for document in told:
        found |= Counter({name: document[name] for name in STATISTICS if name in document})
    return dict(found)


def increase(before: Mapping[str, int], now: Mapping[str, int]) -> Counter[str]:
    """By how much each cumulative count has grown; never less than nothing, however late `now` comes."""
    return Counter(now) - Counter(before)
