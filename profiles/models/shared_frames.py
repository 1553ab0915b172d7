"""The frames that the recordings of an endpoint share: pages that only add, and never change."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import ClassVar, Final

from bson import ObjectId
from django.db import models
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo
from perfplatform.mongo import Document
from profiles.frame_book import Book
from profiles.models.bulk import insert_new
from profiles.recording import CorruptRecording
from projects.models import Project

# The most that a project may ask for.
LONGEST_RETENTION: Final = timedelta(days=365)
# Pages in use are pushed out so far beyond that, and at most once in so many days.
SLACK: Final = timedelta(days=30)
# Beyond so many nodes an endpoint begins a new book, so that what nobody calls any more can expire.
MOST_NODES: Final = 16_000
CACHED_BOOKS: Final = 32
PAGE_BYTES: Final = 12


@dataclass(frozen=True)
class Shelf:
    """Where the recordings of one endpoint share their frames. `endpoint` is kind, method and route."""

    project_id: ObjectId
    endpoint: str


@dataclass(frozen=True)
class OpenBook:
    """A book, and the page that it ends with; an empty book has none."""

    book: Book
    page: bytes = b""
    first_page: str = ""
    pages: int = 0
    born_at: datetime | None = None


@dataclass(frozen=True)
class _Volume:
    """All that is known of a book: how much of it there was at each page, the first one first."""

    book: Book
    sizes: dict[bytes, tuple[int, ...]]
    born_at: datetime

    def at(self, page: bytes) -> OpenBook:
        """The book as it was when it ended with a page."""
        pages = list(self.sizes)
        number = pages.index(page) + 1
        book = self.book if number == len(pages) else self.book.cut(self.sizes[page])
        return OpenBook(book, page, pages[0].hex(), number, self.born_at)


class SharedFramesManager(models.Manager["SharedFrames"]):
    """Pages are named by their content: adding one twice, or twice at once, is as adding it once."""

    def __init__(self) -> None:
        super().__init__()
        self._volumes: OrderedDict[bytes, _Volume] = OrderedDict()  # by first page
        self._lock = Lock()

    def newest(self, shelf: Shelf) -> OpenBook:
        """The book that the next recordings of an endpoint are added to; an empty one if there is none."""
        query = {"project_id": shelf.project_id, "endpoint": shelf.endpoint}
        # Of pages that two workers added at once, everybody goes on with the same one.
        order = [("born_at", -1), ("number", -1), ("_id", 1)]
        found = mongo.collection(self.model).find_one(query, {"nodes": 1}, sort=order)
        if found is None or found["nodes"] >= MOST_NODES:
            return OpenBook(Book())
        return self.open(bytes.fromhex(found["_id"]))

    def open(self, page: bytes) -> OpenBook:
        """The book that ends with a page. Raises CorruptRecording where it is lost or damaged."""
        return self._volume(page).at(page)

    def whole_book(self, page: bytes) -> Book:
        """The book that has a page, with all that has followed. Raises CorruptRecording."""
        return self._volume(page).book

    def add(self, shelf: Shelf, before: OpenBook, data: bytes, *, at: datetime) -> OpenBook:
        """Durably add a page to a book. Raises CorruptRecording if there is another one of its name."""
        book = before.book.extended(data)
        name = _name(shelf, before.page, data)
        document = {
            "_id": name,
            "project_id": shelf.project_id,
            "endpoint": shelf.endpoint,
            "first_page": before.first_page or name,
            "before": before.page.hex(),
            "number": before.pages,
            "nodes": len(book.columns.parents),
            "data": data,
            # Books follow each other by when they began, not by when a page came.
            "born_at": before.born_at or at,
            "expires_at": at + LONGEST_RETENTION + SLACK,
        }
        rows = mongo.collection(self.model, durable=True)
        insert_new(rows, [document])
        stored = rows.find_one({"_id": name}, {"data": 1})
        if stored is None or stored["data"] != data:
            raise CorruptRecording(f"page {name} of shared frames is not what was written")
        page = bytes.fromhex(name)
        return self._remember(self._grown(before, page, book, at)).at(page)

    def keep(self, opened: OpenBook, *, until: datetime) -> None:
        """Durably keep all pages of a book for some time after `until`, if they would go sooner."""
        self._keep({"first_page": opened.first_page}, until)

    def keep_all(self, project_id: ObjectId, *, until: datetime) -> None:
        """The same for all books of a project: for whoever lets recordings live longer than they did."""
        self._keep({"project_id": project_id}, until)

    def forget(self) -> None:
        """Read everything anew."""
        with self._lock:
            self._volumes.clear()

    def _volume(self, page: bytes) -> _Volume:
        with self._lock:
            volume = next((one for one in self._volumes.values() if page in one.sizes), None)
            if volume:
                self._volumes.move_to_end(next(iter(volume.sizes)))
        return volume or self._remember(self._load(page))

    def _keep(self, query: Document, until: datetime) -> None:
        later = {"$max": {"expires_at": until + SLACK}}
        rows = mongo.collection(self.model, durable=True)
        rows.update_many({**query, "expires_at": {"$lt": until}}, later)

    def _grown(self, before: OpenBook, page: bytes, book: Book, at: datetime) -> _Volume:
        if not before.page:
            return _Volume(book, {page: book.columns.sizes()}, at)
        with self._lock:
            volume = self._volumes.get(bytes.fromhex(before.first_page))
        if volume is None or list(volume.sizes)[-1] != before.page:
            return self._load(page)
        return _Volume(book, {**volume.sizes, page: book.columns.sizes()}, volume.born_at)

    def _load(self, page: bytes) -> _Volume:
        """Read a book from its first page to `page`, and what has followed since."""
        rows = mongo.collection(self.model)
        name = page.hex()
        last = rows.find_one({"_id": name}, {"first_page": 1, "born_at": 1})
        if last is None:
            raise CorruptRecording(f"page {name} of shared frames is not there")
        shown = {"before": 1, "data": 1}
        found = rows.find({"first_page": last["first_page"]}, shown, sort=[("_id", 1)])
        pages = {row["_id"]: row for row in found}
        names = _chain(pages, name)
        book, sizes = Book().grown(pages[one]["data"] for one in names)
        return _Volume(book, dict(zip(map(bytes.fromhex, names), sizes, strict=True)), last["born_at"])

    def _remember(self, volume: _Volume) -> _Volume:
        with self._lock:
            self._volumes[next(iter(volume.sizes))] = volume
            self._volumes.move_to_end(next(iter(volume.sizes)))
            while len(self._volumes) > CACHED_BOOKS:
                self._volumes.popitem(last=False)
        return volume


class SharedFrames(models.Model):
    """A page of a book. Its id is drawn from its content and the page before."""

    id = models.CharField(max_length=2 * PAGE_BYTES, primary_key=True, db_column="_id")
    project = models.ForeignKey(Project, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    endpoint = models.CharField(max_length=600)
    first_page = models.CharField(max_length=2 * PAGE_BYTES)
    before = models.CharField(max_length=2 * PAGE_BYTES, blank=True)
    number = models.PositiveIntegerField()
    nodes = models.PositiveIntegerField()  # of the book up to here
    data = models.BinaryField()
    born_at = models.DateTimeField()  # of the book
    expires_at = models.DateTimeField()

    objects: ClassVar[SharedFramesManager] = SharedFramesManager()

    class Meta:
        verbose_name = _("shared frames")
        verbose_name_plural = _("shared frames")
        indexes: ClassVar = [
            models.Index(fields=["project", "endpoint", "-born_at", "-number", "id"], name="frames_newest"),
            models.Index(fields=["first_page"], name="frames_of_book"),
        ]

    def __str__(self) -> str:
        return self.id


def _name(shelf: Shelf, before: bytes, data: bytes) -> str:
    said = hashlib.blake2b(digest_size=PAGE_BYTES)
    for part in (shelf.project_id.binary, shelf.endpoint.encode(), before, data):
        said.update(len(part).to_bytes(8, "little") + part)
    return said.hexdigest()


def _chain(pages: dict[str, Document], name: str) -> list[str]:
    """The names of pages from the first to the named one, and on to the last that follows it."""
    chain: list[str] = []
    before = name
    while before:
        if before not in pages or len(chain) == len(pages):
            raise CorruptRecording(f"page {before} of shared frames is not there")
        chain.insert(0, before)
        before = pages[before]["before"]
    following = {row["before"]: one for one, row in reversed(pages.items())}
    while chain[-1] in following and len(chain) < len(pages):
        chain.append(following[chain[-1]])
    return chain
