"""Whether the merged trees tell the truth about programs whose functions take known shares of the time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from benchmarks.sdk_apps import modes
from benchmarks.sdk_apps.shares import CPU, HANDLER, MIXED, NOMINAL, PATH, WAIT
from benchmarks.sdk_apps.watching import FASTAPI, FLASK
from benchmarks.support import received
from benchmarks.support.children import children
from benchmarks.support.fake_platform import FakePlatform

from .scale import Scale

LANES = 4
# With 1,000 samples a share of 70 % is off by 1.4 points by chance, with 500 by 2.
ENOUGH_SAMPLES = 1_000
REQUESTS_S = (0.003, 0.03, 0.3)
_FILE = "sdk_apps/shares.py"


class Program(NamedTuple):
    """What is run in one process."""

    engine: str
    framework: str  # Flask: threads; FastAPI: asyncio
    kind: str
    request_s: float


class Share(NamedTuple):
    """What one program's tree says: a row of the table."""

    program: Program
    engine: str  # whose tree it is
    samples: int
    truth: dict[str, float]  # measured inside of the program, as shares of the handler's time
    found: dict[str, float]

    def worst_points(self) -> float:
        """The largest difference in percentage points; where there is no tree, the largest share."""
        return max(abs(self.found.get(name, 0.0) - share) for name, share in self.truth.items()) * 100

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "part": "shares",
            "engine": self.program.engine,
            "tree_of": self.engine,
            "on": "asyncio" if self.program.framework == FASTAPI else "threads",
            "kind": self.program.kind,
            "request_ms": round(self.program.request_s * 1_000),
            "samples": self.samples,
            "worst_points": round(self.worst_points(), 1),
        }
        for name, nominal in NOMINAL.items():
            row[f"{name}_nominal"] = nominal
            row[f"{name}_truth"] = round(self.truth[name], 3)
            row[f"{name}_found"] = round(self.found.get(name, 0.0), 3)
        return row


def programs(scale: Scale) -> Iterator[Program]:
    """All of them; of a quick run one for each engine and each way to run at once."""
    for engine, framework in product(modes.ENGINES, (FLASK, FASTAPI)):
        if scale.quick:
            yield Program(engine, framework, MIXED, 0.03)
            continue
        for kind, request_s in product((CPU, WAIT, MIXED), REQUESTS_S):
            yield Program(engine, framework, kind, request_s)


def measure(platform: FakePlatform, program: Program, scale: Scale) -> Share:
    """Run the program until its merged tree has enough samples, or for so many stretches."""
    parameters = {"kind": program.kind, "request_s": program.request_s}
    with children(platform, [program.engine], framework=program.framework, app="shares", **parameters) as [
        child
    ]:
        began = time.perf_counter()
        child.run([PATH], LANES, lanes=LANES)
        stretch = max(1, round(scale.share_s / (time.perf_counter() - began)))
        for _ in range(scale.share_stretches):
            child.run([PATH], LANES * stretch, lanes=LANES)
            child.flush()
            engine, tree = largest_tree(received.endpoints(child.received()))
            if not tree.samples or tree.samples >= ENOUGH_SAMPLES:
                break
        truth = as_shares(child.report().said)
    return Share(program, engine, tree.samples, truth, as_shares(seconds_in(tree)))


def largest_tree(known: Mapping[str, received.Endpoint]) -> tuple[str, received.Tree]:
    """The engine and its tree; where there are two, that with more samples, for they are never added up."""
    trees = known[PATH.strip("/")].trees
    engine = max(trees, key=lambda name: trees[name].samples, default="none")
    return engine, trees.get(engine, received.Tree())


def as_shares(seconds: Mapping[str, float]) -> dict[str, float]:
    """The functions' times as shares of the handler's; nothing where there is no time at all."""
    handler = seconds.get(HANDLER, 0.0)
    return {name: seconds.get(name, 0.0) / handler for name in NOMINAL} if handler else {}


def seconds_in(tree: received.Tree) -> dict[str, float]:
    """What the tree says that the handler and its functions took."""
    return {
        function.name.removesuffix("_on_loop"): total_us / 1e6
        for function, total_us in tree.functions_us.items()
        if function.file.endswith(_FILE)
    }
