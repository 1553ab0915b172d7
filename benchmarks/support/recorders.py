"""Recorded requests of the storage apps: each process serves one app in one version."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ROOT = Path(__file__).parents[2]
BATCH_PROFILES = 50


class Release(NamedTuple):
    """One app in one version."""

    app: str
    version: str


class Recorder:
    """A process that records without end, as fast as it is read."""

    def __init__(self, release: Release, seed: int) -> None:
        self.release = release
        self._instance = f"{seed:032x}"
        command = [sys.executable, "-m", "benchmarks.storage_apps.recorder", *release, str(seed)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def body(self) -> bytes:
        """The next batch of the wire format: 50 requests that nobody has recorded before."""
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
            "version": {"name": self.release.version},
            "ledger": [],
            "profiles": profiles,
        }
        return msgspec.json.encode(batch)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> bytes:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The process that records {self.release} has ended; see above.")
        return line


@contextmanager
def recorders(releases: Sequence[Release]) -> Iterator[list[Recorder]]:
    """One process for each release, all at once."""
    with ExitStack() as stack:
        made = []
        for seed, release in enumerate(releases, 1):
            recorder = Recorder(release, seed)
            stack.callback(recorder.end)
            made.append(recorder)
        yield made
