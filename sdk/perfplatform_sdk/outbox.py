"""Profiles that wait to be sent, bounded by number and bytes; of each endpoint the newest stays longest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from .batch import FULL_BYTES, MAX_PROFILE_BYTES, MAX_PROFILES, Profile, encode_json
from .config import Config
from .drops import BEFORE_SEND, INTERNAL_ERROR, QUEUE_FULL, TOO_LARGE, Drops
from .keeping import Endpoint

_BYTES_A_FRAME = 8
_BYTES_A_PROFILE = 20_000  # names and bookkeeping of one that is not encoded yet


class Item:
    """A profile, raw until the sending thread encodes it."""

    __slots__ = ("body", "endpoint", "is_gone", "raw", "size_bytes")

    def __init__(self, profile: Profile) -> None:
        self.endpoint = profile.endpoint
        self.raw: Profile | None = profile
        self.body: bytes | None = None
        self.size_bytes = profile.recording.weight * _BYTES_A_FRAME + _BYTES_A_PROFILE
        self.is_gone = False  # sent or dropped


class Outbox:
    """Takes raw profiles from request threads; the sending thread encodes them and takes them in batches.

    Where there is no room, those that have a newer one of the same endpoint give way, then the oldest.
    """

    def __init__(self, config: Config, drops: Drops) -> None:
        self.size_bytes = 0
        self._config = config
        self._drops = drops
        self._arrived: deque[Item] = deque()
        self._superseded: deque[Item] = deque()
        self._newest: dict[Endpoint, Item] = {}  # oldest first
        self._count = 0
        # Reentrant: a signal handler may interrupt this very code and record something itself.
        self._lock = threading.RLock()
        self._changing = False

    def __len__(self) -> int:
        return self._count + len(self._arrived)

    def put(self, profile: Profile) -> None:
        self._arrived.append(Item(profile))
        with self._change():
            pass  # which sorts it in

    def encode(self) -> None:
        """Turn raw profiles into JSON."""
        with self._change():
            raw = [item for item in (*self._superseded, *self._newest.values()) if item.raw is not None]
        for item in raw:
            if not item.is_gone and not self._encode(item):
                with self._change():
                    self._remove(item)

    def is_full(self) -> bool:
        """Whether it is time to send, before the next regular sending."""
        return self._count >= MAX_PROFILES or self.size_bytes >= min(
            FULL_BYTES, self._config.queue_bytes // 2
        )

    def take(self) -> list[bytes]:
        """Encoded profiles that fit into one batch; none when there are none."""
        taken: list[bytes] = []
        size_bytes = 0
        while len(taken) < MAX_PROFILES and size_bytes < FULL_BYTES:
            with self._change():
                item = self._first()
                if item is None:
                    break
                self._remove(item)
            if self._encode(item) and item.body is not None:
                size_bytes += len(item.body)
                taken.append(item.body)
        return taken

    def clear(self) -> None:
        with self._change():
            while (item := self._first()) is not None:
                self._remove(item)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Alone with the collections; what arrives meanwhile is sorted in before and after."""
        with self._lock:
            if self._changing:
                yield  # a signal handler has interrupted this very block, which goes on after it
                return
            self._changing = True
            try:
                self._sort_in()
                yield
                self._make_room()
            finally:
                self._changing = False

    def _sort_in(self) -> None:
        while self._arrived:
            item = self._arrived.popleft()
            former = self._newest.pop(item.endpoint, None)
            if former is not None:
                self._superseded.append(former)
            self._newest[item.endpoint] = item
            self._count += 1
            self.size_bytes += item.size_bytes

    def _make_room(self) -> None:
        most_bytes = self._config.queue_bytes
        while self._count > self._config.queue_items or (self.size_bytes > most_bytes and self._count > 1):
            item = self._first()
            if item is None:
                return
            self._remove(item)
            self._drops.add(QUEUE_FULL)

    def _first(self) -> Item | None:
        """The one that is sent, or gives way, before the others."""
        while self._superseded and self._superseded[0].is_gone:
            self._superseded.popleft()
        if self._superseded:
            return self._superseded[0]
        return next(iter(self._newest.values()), None)

    def _remove(self, item: Item) -> None:
        if item.is_gone:
            return
        item.is_gone = True
        self._count -= 1
        self.size_bytes -= item.size_bytes
        if self._newest.get(item.endpoint) is item:
            del self._newest[item.endpoint]

    def _encode(self, item: Item) -> bool:
        """Make the JSON of an item; False where it is dropped, which is counted here."""
        if item.raw is None:
            return True
        reason = ""
        try:
            body = self._json(item.raw)
            if body is None:
                reason = BEFORE_SEND
            elif len(body) > MAX_PROFILE_BYTES:
                reason = TOO_LARGE
        except (Exception, SystemExit):  # noqa: BLE001 - one bad profile must not end the sending
            body, reason = None, INTERNAL_ERROR
        item.raw = None
        if reason or body is None:
            self._drops.add(reason)
            return False
        with self._change():
            if not item.is_gone:
                self.size_bytes += len(body) - item.size_bytes
            item.body, item.size_bytes = body, len(body)
        return True

    def _json(self, profile: Profile) -> bytes | None:
        item = profile.item()
        if self._config.before_send is not None:
            wanted = self._config.before_send(item)
            if wanted is None:
                return None
            if not isinstance(wanted, dict):
                raise TypeError("before_send gave back neither a dict nor None")
            item = wanted
        return encode_json(item)
