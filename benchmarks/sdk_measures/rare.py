"""Whether the one request that waits long, and the one that fails, are themselves recorded."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.sdk_apps import modes, rare
from benchmarks.sdk_apps.watching import ON_LOOP
from benchmarks.support import received
from benchmarks.support.children import children
from benchmarks.support.fake_platform import FakePlatform

from .cost import COROUTINES, THREADS
from .scale import Scale

_FILE = "sdk_apps/rare.py"


class Found(NamedTuple):
    """Of so many special requests, how many were recorded themselves: a row of the table."""

    framework: str
    requests: int
    slow: int
    slow_found: int  # with marker() as its hot function
    failed: int
    failed_found: int  # with the type of its exception

    def row(self) -> dict[str, Any]:
        return {"part": "rare", **self._asdict()}


def measure(platform: FakePlatform, framework: str, scale: Scale) -> Found:
    """One request in `rare_requests` of each endpoint waits 2 s, another one fails after 300 ms of work."""
    endpoints, per_endpoint = scale.rare_endpoints, scale.rare_requests
    paths = rare.paths(endpoints)
    lanes = COROUTINES if framework in ON_LOOP else THREADS
    with children(
        platform, [modes.AUTO], framework=framework, app="rare", endpoints=endpoints, requests=per_endpoint
    ) as [child]:
        child.run(paths, len(paths) * (rare.WARM_UP + per_endpoint), lanes=lanes, seed=2)
        report = child.report()
        child.flush()
        recorded = received.profiles(child.received())
    # Only the one that is looked for calls marker(), or fails, on its endpoint.
    return Found(
        framework=framework,
        requests=sum(len(block.served) for block in report.blocks),
        slow=report.said[rare.SLOW],
        slow_found=len({profile["endpoint"] for profile in recorded if shows_marker(profile)}),
        failed=report.said[rare.FAILING],
        failed_found=len({profile["endpoint"] for profile in recorded if shows_failure(profile)}),
    )


def shows_marker(profile: dict[str, Any]) -> bool:
    """Whether all of the wait is in it, and it points at what it waited in."""
    is_whole = profile["duration_us"] >= rare.MARKER_S * 0.99e6
    return is_whole and received.hot_function(profile["session"], _FILE) == "marker"


def shows_failure(profile: dict[str, Any]) -> bool:
    """Whether it names the exception and points at the work before it."""
    is_named = profile.get("error_type", "").endswith(rare.RareFailure.__qualname__)
    return is_named and received.hot_function(profile["session"], _FILE) == "toil"
