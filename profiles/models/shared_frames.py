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


class SharedFramesManager(models.Manager["SharedFrames"]):
    """Pages are named by their content: adding one twice, or twice at once, is as adding it once."""

    def __init__(self) -> None:
        super().__init__()
        self._books: OrderedDict[bytes, OpenBook] = OrderedDict()
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
        with self._lock:
            if page in self._books:
                self._books.move_to_end(page)
                return self._books[page]
        return self._remember(self._load(page))

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
            "nodes": len(book.parents),
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
        first_page = before.first_page or name
        opened = OpenBook(book, bytes.fromhex(name), first_page, before.pages + 1, before.born_at or at)
        return self._remember(opened)

    def keep(self, opened: OpenBook, *, until: datetime) -> None:
        """Durably keep all pages of a book for some time after `until`, if they would go sooner."""
        if opened.first_page:
            query = {"first_page": opened.first_page, "expires_at": {"$lt": until}}
            later = {"$max": {"expires_at": until + SLACK}}
            mongo.collection(self.model, durable=True).update_many(query, later)

    def keep_all(self, project_id: ObjectId, *, until: datetime) -> None:
        """The same for all books of a project: for whoever lets recordings live longer than they did."""
        query = {"project_id": project_id, "expires_at": {"$lt": until}}
        later = {"$max": {"expires_at": until + SLACK}}
        mongo.collection(self.model, durable=True).update_many(query, later)

    def forget(self) -> None:
        """Read everything anew."""
        with self._lock:
            self._books.clear()

    def _load(self, page: bytes) -> OpenBook:
        """Read the pages of a book from the first to `page`, which is not always its last one."""
        rows = mongo.collection(self.model)
        name = page.hex()
        last = rows.find_one({"_id": name}, {"first_page": 1, "born_at": 1})
        if last is None:
            raise CorruptRecording(f"page {name} of shared frames is not there")
        shown = {"before": 1, "data": 1}
        pages = {row["_id"]: row for row in rows.find({"first_page": last["first_page"]}, shown)}
        book = Book()
        chain = _chain(pages, name)
        for row in chain:
            book = book.extended(row["data"])
        return OpenBook(book, page, last["first_page"], len(chain), last["born_at"])

    def _remember(self, opened: OpenBook) -> OpenBook:
        with self._lock:
            self._books[opened.page] = opened
            while len(self._books) > CACHED_BOOKS:
                self._books.popitem(last=False)
        return opened


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


def _chain(pages: dict[str, Document], name: str) -> list[Document]:
    """The pages from the first to the named one."""
    chain: list[Document] = []
    while name:
        if name not in pages or len(chain) == len(pages):
            raise CorruptRecording(f"page {name} of shared frames is not there")
        chain.append(pages[name])
        name = pages[name]["before"]
    return chain[::-1]
