"""What one process says of one minute (docs/wire.md, section 3), as it comes from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from profiles import histogram
from profiles.bounds import Count, Endpoint, Instant, Key, Kind, Method, Number, NumberOrNone, Positive, Text

Bucket = Annotated[int, Meta(ge=0, le=histogram.LARGEST_INDEX)]
CounterRow = tuple[Number, Number, Number, Count, Count]
FrameRow = tuple[Number, Number, Count, Number, Literal[0, 1]]
StackRow = tuple[NumberOrNone, Number, Count, Count]

COUNTER_TYPES = ("db", "http")


class InvalidLedger(ValueError):
    """A ledger document that contradicts itself; the text says where."""


class Histogram(msgspec.Struct, kw_only=True, gc=False):
    """(index, count) pairs in ascending order, and the exact sum of the durations."""

    buckets: Annotated[list[tuple[Bucket, Positive]], Meta(max_length=histogram.LARGEST_INDEX + 1)]
    sum_us: Count


class EndpointEntry(msgspec.Struct, kw_only=True, gc=False):
    """All requests of one endpoint in the minute."""

    kind: Kind
    method: Method
    route: Endpoint
    count: Count
    errors: Count
    histograms: dict[Literal["none", "sampler", "pyinstrument"], Histogram]
    counters: Annotated[list[CounterRow], Meta(max_length=500)]
    stacks: dict[Literal["sampler", "pyinstrument"], list[StackRow]]


class LedgerDocument(msgspec.Struct, kw_only=True, gc=False):
    """Cumulative for its minute: the one with the highest `seq` says it all."""

    minute: Instant
    seq: Positive
    strings: Annotated[list[Text], Meta(max_length=100_000)]
    frames: Annotated[list[FrameRow], Meta(max_length=100_000)]
    endpoints: Annotated[list[EndpointEntry], Meta(max_length=2_000)]
    dropped: Annotated[dict[Key, Count], Meta(max_length=32)]
    statistics: Annotated[dict[Key, Count], Meta(max_length=32)] = {}


def check(document: LedgerDocument) -> None:
    """Raise InvalidLedger unless every number points somewhere and the counts agree."""
    if document.minute.second or document.minute.microsecond:
        raise InvalidLedger("minute is not a whole minute")
    for number, (function, file, _line, class_name, _library) in enumerate(document.frames):
        if max(function, file, class_name) >= len(document.strings):
            raise InvalidLedger(f"frames[{number}] points to no string")
    names = {(entry.kind, entry.method, entry.route) for entry in document.endpoints}
    if len(names) < len(document.endpoints):
        raise InvalidLedger("endpoints has the same endpoint twice")
    for number, entry in enumerate(document.endpoints):
        where = f"endpoints[{number}]"
        _check_counts(entry, where)
        _check_counters(entry, document, where)
        for name, rows in entry.stacks.items():
            _check_stacks(rows, len(document.frames), f"{where}.stacks.{name}")


def _check_counts(entry: EndpointEntry, where: str) -> None:
    if entry.errors > entry.count:
        raise InvalidLedger(f"{where}.errors is more than count")
    total = 0
    for name, histogram_of_class in entry.histograms.items():
        if not histogram.is_valid(histogram_of_class.buckets):
            raise InvalidLedger(f"{where}.histograms.{name}.buckets do not ascend")
        total += sum(count for _, count in histogram_of_class.buckets)
    if total != entry.count:
        raise InvalidLedger(f"{where}.count is not what its histograms add up to")


def _check_counters(entry: EndpointEntry, document: LedgerDocument, where: str) -> None:
    strings = document.strings
    for kind, caller, fingerprint, _count, _total_us in entry.counters:
        if max(kind, fingerprint) >= len(strings) or caller >= len(document.frames):
            raise InvalidLedger(f"{where}.counters point nowhere")
        if strings[kind] not in COUNTER_TYPES:
            raise InvalidLedger(f"{where}.counters have an unknown type")
        if len(strings[fingerprint]) > 512:
            raise InvalidLedger(f"{where}.counters have a fingerprint over 512 characters")


def _check_stacks(rows: Sequence[tuple[Any, ...]], frame_count: int, where: str) -> None:
    for number, (parent, frame, _self_us, _samples) in enumerate(rows):
        if parent >= number or frame >= frame_count:
            raise InvalidLedger(f"{where}[{number}] points to no earlier node or to no frame")
