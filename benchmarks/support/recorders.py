"""Recorded requests of the storage apps: each process serves one app in one version."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import zstandard

ROOT: Final = Path(__file__).parents[2]
BATCH_PROFILES: Final = 50


class Recorded(msgspec.Struct, array_like=True):
    """A batch of the wire format, compressed by zstd, and when it was complete."""

    app: str
    version: str
    at: datetime
    body: bytes


class Recorder:
    """A process that records without end, as fast as it is read."""

    def __init__(self, app: str, version: str) -> None:
        self.app = app
        self.version = version
        self._instance = os.urandom(16).hex()
        command = [sys.executable, "-m", "benchmarks.storage_apps.recorder", app, version, self._instance]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def next(self) -> Recorded:
        """50 requests that nobody has recorded before."""
        profiles = [msgspec.Raw(self._line()) for _ in range(BATCH_PROFILES)]
        batch: dict[str, Any] = {
            "schema": 1,
            "sdk": {"name": "bench", "version": "1"},
            "process": {
                "instance": self._instance,
                "hostname": "web-1",
                "pid": self._process.pid,
                "python": "3.11.7",
                "framework": "django 5.2.19",
            },
            "environment": "production",
            "version": {"name": self.version},
            "ledger": [],
            "profiles": profiles,
        }
        body = zstandard.compress(msgspec.json.encode(batch), 3)
        return Recorded(self.app, self.version, datetime.now(UTC), body)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> bytes:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The process that records {self.app} {self.version} has ended; see above.")
        return line


@contextmanager
def recording(apps: Sequence[str], version: str) -> Iterator[Iterator[Recorded]]:
    """Batches without end, one app after the other, from one process each."""
    with ExitStack() as stack:
        made = []
        for app in apps:
            recorder = Recorder(app, version)
            stack.callback(recorder.end)
            made.append(recorder)
        yield (recorder.next() for recorder in itertools.cycle(made))


class Archive:
    """A file of recorded batches, so that an hour of recording serves more than one measurement."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def of_version(self, version: str) -> Iterator[Recorded]:
        if self._path and self._path.exists():
            with self._path.open("rb") as file:
                while size := file.read(4):
                    found = msgspec.msgpack.decode(file.read(int.from_bytes(size, "big")), type=Recorded)
                    if found.version == version:
                        yield found

    def add(self, recorded: Recorded) -> None:
        if self._path:
            packed = msgspec.msgpack.encode(recorded)
            with self._path.open("ab") as file:
                file.write(len(packed).to_bytes(4, "big") + packed)
