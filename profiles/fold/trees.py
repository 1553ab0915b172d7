"""Merged stacks to call trees: those of a minute to a forest, forests to trees of hours, these to days.

With the trees of an hour go the sums of its functions over all endpoints, and with those of a day theirs.

A forest is made of what all processes say of a minute, so that a ledger document's stacks are read once or
twice, not again and again while its hour lasts. Pauses grow with the cost, so that each step takes at most
about a twentieth of a worker. Cost: 11 ms for a ledger document of 200 endpoints with 20 nodes each, reading
it included; 2.5 µs for a node that goes into a longer stretch, 10 µs for one that comes out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import zstandard

from profiles import forest, function_sums, merged
from profiles.calltree import CallTree
from profiles.fold.turn import Turn, logger
from profiles.forest import LedgerStacks, TreeKey
from profiles.grain import Grain, end_of, start_of
from profiles.models import EndpointName, FoldMark, FunctionSums, Ledger, MinuteForest, TreeBlob
from profiles.models.fold_mark import Mark, Step
from profiles.models.ledger import LedgerMinute, StoredLedger

# Most processes have said the last of a minute by then.
MINUTE_PAUSE = timedelta(seconds=20)
HOUR_PAUSE = timedelta(minutes=1)
DAY_PAUSE = timedelta(minutes=10)
PAUSE_FACTOR = 20
TREES_AT_ONCE = 50

Tree = tuple[TreeKey, CallTree]

_stacks = msgspec.json.Decoder(LedgerStacks)


def fold_minute_trees(turn: Turn) -> bool:
    """Make the forests of minutes that are due. Whether there were any."""
    return _fold(turn, Step.MINUTE_TREES, _fold_minute, pause=MINUTE_PAUSE)


def fold_hour_trees(turn: Turn) -> bool:
    """Make the trees of hours that are due. Whether there were any."""
    return _fold(turn, Step.HOUR_TREES, _fold_hour, pause=HOUR_PAUSE)


def fold_day_trees(turn: Turn) -> bool:
    """Make the trees of days that are due. Whether there were any."""
    return _fold(turn, Step.DAY_TREES, _fold_day, pause=DAY_PAUSE)


def _fold(turn: Turn, step: Step, fold: Callable[[Turn, Mark, ZoneInfo], None], *, pause: timedelta) -> bool:
    marks = FoldMark.objects.due(turn.shard, step, now=turn.clock())
    for mark in marks:
        if not turn.goes_on():
            break
        began = time.monotonic()
        with turn.apart(mark) as troubles:
            if (zone := turn.zone(mark.scope.project_id)) is not None:
                fold(turn, mark, zone)
            cost = timedelta(seconds=time.monotonic() - began)
            FoldMark.objects.done(mark, ready_at=turn.clock() + max(pause, PAUSE_FACTOR * cost))
        if troubles:
            FoldMark.objects.postpone(mark, until=turn.clock() + pause)
    return bool(marks)


def _fold_minute(turn: Turn, mark: Mark, zone: ZoneInfo) -> None:
    scope = mark.scope
    minute = LedgerMinute(scope.project_id, scope.version_id, scope.environment, mark.start)
    documents = Ledger.objects.of_minute(minute)
    if documents is None:
        raise StillChanging(minute)
    grown = merged.merge(map(forest.from_ledger, _decoded(documents)))
    source = sum(document.seq for document in documents)
    MinuteForest.objects.replace(scope, mark.start, packed=forest.pack(grown), source=source)
    hour = start_of(Grain.HOUR, mark.start, zone)
    FoldMark.objects.touch(Step.HOUR_TREES, scope, start=hour, now=turn.clock())


class StillChanging(ValueError):
    """A minute is replaced faster than it is read; later it will be calmer."""


def _decoded(documents: Iterable[StoredLedger]) -> Iterator[LedgerStacks]:
    decompressor = zstandard.ZstdDecompressor()
    for document in documents:
        try:
            yield _stacks.decode(decompressor.decompress(document.data))
        except (msgspec.DecodeError, zstandard.ZstdError):
            logger.exception("ledger document %s can't be read", document.id)


def _fold_hour(turn: Turn, mark: Mark, zone: ZoneInfo) -> None:
    sources: list[int] = []
    end = end_of(Grain.HOUR, mark.start, zone)

    def forests() -> Iterator[CallTree]:
        for tree, source in MinuteForest.objects.parts(mark.scope, start=mark.start, end=end):
            turn.keep()
            sources.append(source)
            yield tree

    found = forest.split(merged.merge(forests()))
    trees = dict(_under_kept_names(mark, found))
    source = sum(sources)
    # Before the trees, whose number says of both what they were computed from.
    sums = function_sums.sum_up(_kept_up(turn, trees.items()))
    FunctionSums.objects.replace(mark.scope, Grain.HOUR, mark.start, sums=sums, source=source)
    _replace(turn, mark, Grain.HOUR, trees.items(), source=source)
    day = start_of(Grain.DAY, mark.start, zone)
    FoldMark.objects.touch(Step.DAY_TREES, mark.scope, start=day, now=turn.clock())


def _kept_up(turn: Turn, trees: Iterable[Tree]) -> Iterator[Tree]:
    """The same trees, with the lease kept while something is made of them."""
    for tree in trees:
        turn.keep()
        yield tree


def _under_kept_names(mark: Mark, found: dict[TreeKey, CallTree]) -> Iterator[tuple[TreeKey, CallTree]]:
    """The trees of endpoints that are kept, and one for all others of a kind."""
    names = EndpointName.objects.admit(mark.scope, {key.endpoint for key in found}, minute=mark.start)
    others: dict[TreeKey, list[CallTree]] = {}
    for key, tree in found.items():
        kept = TreeKey(*names[key.endpoint], key.engine)
        if kept == key:
            yield key, tree
        else:
            others.setdefault(kept, []).append(tree)
    for kept, trees in others.items():
        yield kept, merged.merge(trees)


def _fold_day(turn: Turn, mark: Mark, zone: ZoneInfo) -> None:
    scope, start, end = mark.scope, mark.start, end_of(Grain.DAY, mark.start, zone)
    # First the number and then the trees, which so are never older than the number says.
    source = TreeBlob.objects.source(scope, Grain.HOUR, start=start, end=end)
    sums = FunctionSums.objects.of_stretches(scope, Grain.HOUR, start=start, end=end)
    FunctionSums.objects.replace(scope, Grain.DAY, start, sums=sums, source=source)
    keys = TreeBlob.objects.keys(scope, Grain.HOUR, start=start, end=end)
    trees = (
        (key, merged.merge(TreeBlob.objects.parts(scope, Grain.HOUR, key, start=start, end=end)))
        for key in keys
    )
    _replace(turn, mark, Grain.DAY, trees, source=source)


def _replace(
    turn: Turn, mark: Mark, grain: Grain, trees: Iterable[tuple[TreeKey, CallTree]], *, source: int
) -> None:
    """A part at a time, since all trees of a day may be many megabytes."""
    pruned: dict[TreeKey, CallTree] = {}
    for key, tree in trees:
        turn.keep()
        pruned[key] = merged.prune(tree)
        if len(pruned) == TREES_AT_ONCE:
            TreeBlob.objects.replace(mark.scope, grain, mark.start, trees=pruned, source=source)
            pruned = {}
    TreeBlob.objects.replace(mark.scope, grain, mark.start, trees=pruned, source=source)
    TreeBlob.objects.forget_older(mark.scope, grain, mark.start, source=source)
