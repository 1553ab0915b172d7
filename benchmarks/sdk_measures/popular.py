"""Whether all of 200 endpoints have a stored function chain, and the popular ones enough samples."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.sdk_apps import modes, popular
from benchmarks.sdk_apps.watching import FASTAPI, FLASK
from benchmarks.support import received
from benchmarks.support.children import Served, children
from benchmarks.support.fake_platform import Batch, FakePlatform
from benchmarks.support.received import Endpoint

from .cost import COROUTINES, THREADS
from .scale import Scale

LONG_S = 10.0
ENOUGH_SAMPLES = 500
LANES = {FLASK: THREADS, FASTAPI: COROUTINES}
_PER_SECOND = 200  # these endpoints keep a CPU busy for about half of the time
_FILE = "sdk_apps/popular.py"


class Coverage(NamedTuple):
    """What is known of the endpoints that were requested at all: a row of the table."""

    framework: str
    requests: int
    counted: int  # by the SDK
    requested: int
    with_chain: int
    long: int  # those with at least 10 s in all requests together
    long_with_samples: int
    fewest_samples: int  # of a long one

    @property
    def chain_share(self) -> float:
        return self.with_chain / self.requested

    @property
    def samples_share(self) -> float:
        """ZeroDivisionError where there is no endpoint of that much time."""
        return self.long_with_samples / self.long

    def row(self) -> dict[str, Any]:
        return {
            "part": "coverage",
            **self._asdict(),
            "chain_share": round(self.chain_share, 4),
        }


def measure(platform: FakePlatform, framework: str, scale: Scale) -> Coverage:
    """Request 200 endpoints under `auto` with its defaults, by Zipf's law."""
    with children(platform, [modes.AUTO], framework=framework, app="popular") as [child]:
        child.run(
            popular.paths(),
            round(scale.popular_s * _PER_SECOND),
            weights=popular.popularity(),
            lanes=LANES[framework],
            seed=1,
            per_second=_PER_SECOND,
        )
        [block] = child.report().blocks
        child.flush()
        return coverage(framework, block.served, child.received())


def coverage(framework: str, served: list[Served], batches: list[Batch]) -> Coverage:
    known = received.endpoints(batches)
    requested = {one.path.strip("/") for one in served}
    in_profiles = {
        profile["endpoint"].strip("/")
        for profile in received.profiles(batches)
        if received.hot_function(profile["session"], _FILE)
    }
    with_chain = [route for route in requested if route in in_profiles or has_chain(known.get(route))]
    samples = [most_samples(endpoint) for endpoint in known.values() if endpoint.sum_us >= LONG_S * 1e6]
    return Coverage(
        framework=framework,
        requests=len(served),
        counted=sum(endpoint.count for endpoint in known.values()),
        requested=len(requested),
        with_chain=len(with_chain),
        long=len(samples),
        long_with_samples=sum(count >= ENOUGH_SAMPLES for count in samples),
        fewest_samples=min(samples, default=0),
    )


def has_chain(endpoint: Endpoint | None) -> bool:
    """Whether a function of the app stands in one of its merged trees."""
    trees = endpoint.trees.values() if endpoint else ()
    return any(function.file.endswith(_FILE) for tree in trees for function in tree.functions_us)


def most_samples(endpoint: Endpoint) -> int:
    """Samples in the larger of its merged trees."""
    return max((tree.samples for tree in endpoint.trees.values()), default=0)
