"""Recordings are packed anew in the background, against the frames that their endpoint shares.

Each step leaves everything readable: first the shared page is written, then the packed recordings, and only
then those that came in are deleted. Whoever does a part of it again changes nothing.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from perfplatform.mongo import Document
from profiles import function_times, shared_blob, shared_digest
from profiles.frame_book import Additions, Book
from profiles.function_times import FunctionTime
from profiles.models import Digest, PackedSession, Profile, SessionBlob, SharedFrames
from profiles.models.session_blob import unpack
from profiles.models.shared_frames import LONGEST_RETENTION, OpenBook, Shelf
from profiles.packed import Corrupt
from profiles.recording import COMMON_FIELDS, CorruptRecording, Table
from profiles.session_table import frame_texts, session_from_table

# Their profiles are stored by then, and others of their endpoint have come with which a page can be shared.
PATIENCE: Final = timedelta(minutes=1)
MOST_AT_ONCE: Final = 500
# The fold is quicker, unless it is far behind; a digest that comes later still stays whole.
DIGEST_PATIENCE: Final = timedelta(hours=1)
# Larger ones are rare, profit little and take seconds.
LARGEST_BYTES: Final = 256 * 1024
# Fewer new nodes than this are no page of their own: the recording that has them brings them along.
WORTH_A_PAGE: Final = 64
# What is left of a recording, at most, for it to be worth the change.
WORTH_A_CHANGE: Final = 0.8

# What is equal in equal tables whose frames and nodes are numbered in the same order.
_AS_THEY_ARE: Final = (*COMMON_FIELDS, "nodes", "samples", "times")

logger = logging.getLogger(__name__)


class Whole(NamedTuple):
    """A digest that stands for itself."""

    data: bytes
    times: list[FunctionTime]


@dataclass
class Outcome:
    """How many recordings were packed, and how many stay as they came."""

    packed: int = 0
    left: int = 0

    def __bool__(self) -> bool:
        return bool(self.packed or self.left)


def repack(*, now: datetime, seconds: float) -> Outcome:
    """Pack what has waited long enough, for about so many seconds at most."""
    total = Outcome()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        waiting = SessionBlob.objects.waiting(before=now - PATIENCE, most=MOST_AT_ONCE)
        done = _repack(waiting, now=now)
        total.packed += done.packed
        total.left += done.left
        if len(waiting) < MOST_AT_ONCE or not done:
            break
    return total


def _repack(waiting: Sequence[Document], *, now: datetime) -> Outcome:
    """Pack these, endpoint by endpoint."""
    outcome = Outcome()
    shelves: defaultdict[Shelf, list[Document]] = defaultdict(list)
    left = []
    ids = [document["_id"] for document in waiting]
    endpoints, undigested = Profile.objects.endpoints(ids), Profile.objects.without_digest(ids)
    for document in waiting:
        if document["_id"] in undigested and document["waiting_since"] > _naive(now) - DIGEST_PATIENCE:
            continue
        project_id, endpoint = endpoints.get(document["_id"], (None, ""))
        # Without a profile of the same project nobody will ever ask for it.
        if project_id == document["project_id"] and len(document["data"]) <= LARGEST_BYTES:
            shelves[Shelf(project_id, endpoint)].append(document)
        else:
            left.append(document["_id"])
    for shelf, documents in shelves.items():
        unpackable = _repack_shelf(shelf, documents, now=now)
        left += unpackable
        outcome.packed += len(documents) - len(unpackable)
    if left:
        SessionBlob.objects.leave(left)
    outcome.left = len(left)
    return outcome


def _repack_shelf(shelf: Shelf, documents: Sequence[Document], *, now: datetime) -> list[str]:
    """Pack recordings of one endpoint; returns the ids of those that stay as they are."""
    tables = dict(_tables(documents))
    digests = dict(_digests(tables))
    opened = _grown(_newest(shelf), shelf, tables.values(), digests=digests, now=now)
    packed, replaced, left = [], [], []
    for document in documents:
        profile_id = document["_id"]
        data = _packed(tables[profile_id], opened) if profile_id in tables else None
        if data is None or len(data) > WORTH_A_CHANGE * len(document["data"]):
            left.append(profile_id)
            continue
        replaced.append({name: document[name] for name in ("_id", "project_id", "data", "expires_at")})
        packed.append({**replaced[-1], "data": data})
    if packed:
        last = max(document["expires_at"] for document in packed)
        SharedFrames.objects.keep(opened, until=max(last, _naive(now) + LONGEST_RETENTION))
        PackedSession.objects.store(packed)
        Digest.objects.share(dict(_shared(digests, opened)))
        if not SessionBlob.objects.remove_packed(replaced):
            _remove_orphans([document["_id"] for document in packed])
    return left


def _newest(shelf: Shelf) -> OpenBook:
    try:
        return SharedFrames.objects.newest(shelf)
    except CorruptRecording as error:
        logger.error("A new book is begun for %s: %s", shelf, error)
        return OpenBook(Book())


def _tables(documents: Iterable[Document]) -> Iterator[tuple[str, Table]]:
    for document in documents:
        try:
            yield document["_id"], unpack(document["data"])
        except CorruptRecording as error:
            logger.warning("The recording of profile %s can't be packed: %s", document["_id"], error)


def _digests(profile_ids: Iterable[str]) -> Iterator[tuple[str, Whole]]:
    """The digests that can be shared, with what they hold."""
    for profile_id, data in Digest.objects.whole(list(profile_ids)).items():
        try:
            yield profile_id, Whole(data, function_times.unpack_digest(data))
        except Corrupt as error:
            logger.warning("The digest of profile %s can't be shared: %s", profile_id, error)


def _shared(digests: dict[str, Whole], opened: OpenBook) -> Iterator[tuple[str, tuple[bytes, bytes]]]:
    """Digests against the book, where they are read back as they were and profit."""
    for profile_id, whole in digests.items():
        data = shared_digest.pack(whole.times, opened.book, opened.page)
        back = shared_digest.unpack(data, lambda _page: opened.book)
        if back == whole.times and len(data) <= WORTH_A_CHANGE * len(whole.data):
            yield profile_id, (whole.data, data)


def _grown(
    opened: OpenBook,
    shelf: Shelf,
    tables: Iterable[Table],
    *,
    digests: dict[str, Whole],
    now: datetime,
) -> OpenBook:
    """The book with a page for what these recordings have beyond it, if that is worth a page."""
    additions = Additions(opened.book)
    targets: set[str] = set()
    for table in tables:
        additions.add(table)
        # What two have in common, others will have too; many name the raw path of their request.
        if table.target_description in targets:
            additions.add_string(table.target_description)
        targets.add(table.target_description)
    for whole in digests.values():
        for one in whole.times:
            additions.add_digested(shared_digest.function_key(one.function))
    if additions.nodes >= WORTH_A_PAGE or (additions and not opened.pages):
        return SharedFrames.objects.add(shelf, opened, additions.page(), at=now)
    return opened


def _packed(table: Table, opened: OpenBook) -> bytes | None:
    """The recording against the book; None if it would not be read back to the last bit."""
    data = shared_blob.pack(table, opened.book, opened.page)
    back = shared_blob.unpack(data, lambda _page: opened.book)
    if _is_same(back, table):
        return data
    logger.error("A recording of %d samples is not read back as it was: it stays.", len(table.samples))
    return None


def _is_same(back: Table, table: Table) -> bool:
    """Both stand for the same session. Times are compared by their packing, bit by bit."""
    if any(getattr(back, name) != getattr(table, name) for name in _AS_THEY_ARE):
        # The same may be numbered in another order.
        return session_from_table(back) == session_from_table(table)
    return frame_texts(back) == frame_texts(table)


def _remove_orphans(profile_ids: Sequence[str]) -> None:
    """Some recordings went or changed meanwhile: what belongs to no profile any more goes as well."""
    there = Profile.objects.endpoints(profile_ids)
    PackedSession.objects.remove([profile_id for profile_id in profile_ids if profile_id not in there])


def _naive(moment: datetime) -> Any:
    """As MongoDB's times come back: UTC, and without saying so."""
    return moment.replace(tzinfo=None)
