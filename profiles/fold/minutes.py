"""Ledger documents to rollups of minutes.

Cost of a minute of a version: see profiles/rollup.py, two looks at its documents, one read of its endpoints'
names and one write of its rollups.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import msgspec
import zstandard

from profiles import rollup
from profiles.fold.turn import Turn
from profiles.grain import Grain, start_of
from profiles.models import EndpointName, FoldMark, Ledger, Rollup
from profiles.models.fold_mark import Step
from profiles.models.ledger import LedgerMinute, StoredLedger
from profiles.rollup import LedgerMetrics
from profiles.scope import Scope

logger = logging.getLogger(__name__)
_metrics = msgspec.json.Decoder(LedgerMetrics)


def fold_minutes(turn: Turn) -> bool:
    """Fold what arrived, the oldest first. Whether there was anything."""
    minutes = Ledger.objects.unfolded_minutes(turn.shard, now=turn.clock())
    for minute in minutes:
        if not turn.goes_on():
            break
        with turn.apart(minute):
            _fold_minute(turn, minute)
    return bool(minutes)


def _fold_minute(turn: Turn, minute: LedgerMinute) -> None:
    documents = Ledger.objects.of_minute(minute)
    if not documents:
        # It changes while it is read: the next turn finds it calmer.
        return
    zone = turn.zone(minute.project_id)
    if zone is not None:
        scope = Scope(minute.project_id, minute.version_id, documents[0].version_name, minute.environment)
        found = rollup.from_ledger(_decoded(documents))
        names = EndpointName.objects.admit(scope, found.keys(), minute=minute.minute)
        source = sum(document.seq for document in documents)
        rollups = rollup.with_sums(found, names)
        Rollup.objects.replace(scope, Grain.MINUTE, minute.minute, rollups=rollups, source=source)
        hour = start_of(Grain.HOUR, minute.minute, zone)
        FoldMark.objects.touch(Step.HOUR, scope, start=hour, now=turn.clock())
        FoldMark.objects.touch(Step.MINUTE_TREES, scope, start=minute.minute, now=turn.clock())
    Ledger.objects.mark_folded(documents)


def _decoded(documents: Iterable[StoredLedger]) -> Iterator[LedgerMetrics]:
    """One at a time; what can't be read, though it was checked when it came, says nothing."""
    decompressor = zstandard.ZstdDecompressor()
    for document in documents:
        try:
            yield _metrics.decode(decompressor.decompress(document.data))
        except (msgspec.DecodeError, zstandard.ZstdError):
            logger.exception("ledger document %s can't be read", document.id)
