"""Profiles that wait to be sent, bounded by number and bytes; the oldest give way."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress

from .batch import FULL_BYTES, MAX_PROFILE_BYTES, MAX_PROFILES, Profile
from .drops import INTERNAL_ERROR, QUEUE_FULL, TOO_LARGE, Drops

_BYTES_A_FRAME = 8
_BYTES_A_PROFILE = 20_000  # names and bookkeeping of one that is not encoded yet


class Outbox:
    """Takes raw profiles from request threads; the sending thread encodes them and takes them in batches."""

    def __init__(self, max_items: int, max_bytes: int, drops: Drops) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._drops = drops
        self._raw: deque[Profile] = deque()
        self._encoded: deque[bytes] = deque()
        self._raw_bytes = 0
        self._encoded_bytes = 0
        # Reentrant: a signal handler may interrupt this very code and record something itself.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._raw) + len(self._encoded)

    @property
    def size_bytes(self) -> int:
        return self._raw_bytes + self._encoded_bytes

    def put(self, profile: Profile) -> None:
        with self._lock:
            self._raw.append(profile)
            self._raw_bytes += _weight(profile)
            if self._is_over():
                self._make_room()

    def encode(self) -> None:
        """Turn raw profiles into JSON."""
        while True:
            with self._lock:
                if not self._raw:
                    return
                profile = self._raw.popleft()
                self._raw_bytes -= _weight(profile)
            try:
                item = profile.encode()
            except Exception:  # noqa: BLE001 - one bad profile must not end the sending
                self._drops.add(INTERNAL_ERROR)
                continue
            if len(item) > MAX_PROFILE_BYTES:
                self._drops.add(TOO_LARGE)
                continue
            with self._lock:
                self._encoded.append(item)
                self._encoded_bytes += len(item)
                self._make_room()

    def is_full(self) -> bool:
        """Whether it is time to send, before the next regular sending."""
        full_bytes = min(FULL_BYTES, self._max_bytes // 2)
        return len(self._encoded) >= MAX_PROFILES or self._encoded_bytes >= full_bytes

    def take(self) -> list[bytes]:
        """The oldest encoded profiles that fit into one batch; none when there are none."""
        taken: list[bytes] = []
        size = 0
        with self._lock:
            while self._encoded and len(taken) < MAX_PROFILES and (not taken or size < FULL_BYTES):
                item = self._encoded.popleft()
                self._encoded_bytes -= len(item)
                size += len(item)
                taken.append(item)
        return taken

    def clear(self) -> None:
        with self._lock:
            self._raw.clear()
            self._encoded.clear()
            self._raw_bytes = self._encoded_bytes = 0

    def _is_over(self) -> bool:
        items = len(self._raw) + len(self._encoded)
        return items > self._max_items or self._raw_bytes + self._encoded_bytes > self._max_bytes

    def _make_room(self) -> None:
        # IndexError: a signal handler has interrupted this very loop and made the room.
        with suppress(IndexError):
            while self._is_over() and len(self) > 1:
                if self._encoded:
                    self._encoded_bytes -= len(self._encoded.popleft())
                else:
                    self._raw_bytes -= _weight(self._raw.popleft())
                self._drops.add(QUEUE_FULL)


def _weight(profile: Profile) -> int:
    return profile.recording.weight * _BYTES_A_FRAME + _BYTES_A_PROFILE
