"""The measured processes, seen from the one that measures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.sdk_apps.modes import MODES

from .fake_platform import Batch, FakePlatform

ROOT = Path(__file__).parents[2]


class Served(NamedTuple):
    """One request."""

    path: str
    began_at: float  # seconds since 1970
    duration_ns: int
    status: int

    @property
    def ended_at(self) -> float:
        return self.began_at + self.duration_ns / 1e9


class Block(NamedTuple):
    """A list of requests that was served in one go."""

    wall_ns: int
    thread_cpu_ns: int
    process_cpu_began_ns: int
    served: list[Served]


class Report(NamedTuple):
    """What a child has measured since the last report."""

    blocks: list[Block]
    said: Any  # by the app
    process_cpu_ns: int


class Child:
    """A process with one app, watched in one way."""

    def __init__(
        self, platform: FakePlatform, mode: str, *, framework: str, app: str, **parameters: Any
    ) -> None:
        self.mode = mode
        self._platform = platform
        self._key = platform.new_key()
        order = {"mode": mode, "framework": framework, "app": app, **parameters}
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.sdk_apps.worker"),
                json.dumps({**order, "key": self._key, "url": platform.url}),
            ],
            cwd=ROOT,
            # Sets and dicts of strings lie in memory in the same way in all children.
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT / "sdk")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        self._read()

    def run(
        self,
        paths: Sequence[str],
        count: int,
        *,
        lanes: int = 1,
        seed: int = 0,
        weights: Sequence[float] | None = None,
        per_second: float = 0.0,
    ) -> None:
        """Serve `count` requests, `lanes` at a time; returns when it is done."""
        self._ask(
            "run",
            paths=paths,
            weights=weights,
            count=count,
            seed=seed,
            lanes=lanes,
            per_second=per_second,
        )

    def report(self) -> Report:
        found = self._ask("report")
        blocks = [
            Block(wall_ns, thread_cpu_ns, process_cpu_ns, [Served(*one) for one in served])
            for wall_ns, thread_cpu_ns, process_cpu_ns, served in found["blocks"]
        ]
        return Report(blocks, found["said"], found["process_cpu_ns"])

    def flush(self) -> None:
        self._ask("flush")

    def received(self) -> list[Batch]:
        """What the platform has got from it."""
        return self._platform.batches(self._key)

    def close(self) -> None:
        """End it, as a process ends by itself."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ask(self, do: str, **parameters: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **parameters}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise SystemExit(
                f"The process that is watched by {self.mode!r} has ended with {code}; see above."
            )
        return json.loads(line)


@contextmanager
def children(
    platform: FakePlatform, modes: Sequence[str], *, framework: str, app: str, **parameters: Any
) -> Iterator[list[Child]]:
    """One child for each mode, all of them ready."""
    with ExitStack() as stack:
        made = []
        for mode in modes:
            assert mode in MODES
            child = Child(platform, mode, framework=framework, app=app, **parameters)
            stack.callback(child.kill)
            made.append(child)
        for child in made:
            child.wait_until_ready()
        yield made
        for child in made:
            child.close()
