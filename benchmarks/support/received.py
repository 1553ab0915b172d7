"""What a platform knows from the batches that it got: counts, merged trees, recordings. docs/wire.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from .children import Served
from .fake_platform import Batch

_SLACK_S = 0.001  # between two clocks


class Function(NamedTuple):
    """A function in a tree."""

    name: str
    file: str


@dataclass
class Tree:
    """All stacks of one endpoint by one engine."""

    samples: int = 0
    total_us: int = 0
    functions_us: dict[Function, int] = field(default_factory=dict)  # total time, what they called included


@dataclass
class Endpoint:
    """What the ledger says of one route."""

    count: int = 0
    errors: int = 0
    sum_us: int = 0
    trees: dict[str, Tree] = field(default_factory=dict)  # by engine


def endpoints(batches: Iterable[Batch]) -> dict[str, Endpoint]:
    """By route, without slashes around it: all minutes and processes added up."""
    found: dict[str, Endpoint] = {}
    for document in newest(batches):
        functions = [
            Function(document["strings"][name], document["strings"][file])
            for name, file, *_ in document["frames"]
        ]
        for entry in document["endpoints"]:
            endpoint = found.setdefault(entry["route"].strip("/"), Endpoint())
            endpoint.count += entry["count"]
            endpoint.errors += entry["errors"]
            endpoint.sum_us += sum(histogram["sum_us"] for histogram in entry["histograms"].values())
            for engine, rows in entry["stacks"].items():
                add_stacks(endpoint.trees.setdefault(engine, Tree()), rows, functions)
    return found


def newest(batches: Iterable[Batch]) -> list[dict[str, Any]]:
    """The ledger documents: of each process and minute the one with the highest sequence number."""
    documents: dict[tuple[str, str], dict[str, Any]] = {}
    for batch in batches:
        for document in batch.content.get("ledger", ()):
            place = (batch.content["process"]["instance"], document["minute"])
            if place not in documents or documents[place]["seq"] < document["seq"]:
                documents[place] = document
    return list(documents.values())


def add_stacks(tree: Tree, rows: Sequence[Sequence[int]], functions: Sequence[Function]) -> None:
    """Add rows of [parent, frame, self_us, samples]; a parent comes before its children."""
    paths: list[frozenset[Function]] = []
    for parent, frame, self_us, samples in rows:
        above = paths[parent] if parent >= 0 else frozenset()
        paths.append(above | {functions[frame]})
        tree.samples += samples
        tree.total_us += self_us
        # A function that calls itself is counted once.
        for function in paths[-1]:
            tree.functions_us[function] = tree.functions_us.get(function, 0) + self_us


def profiles(batches: Iterable[Batch]) -> list[dict[str, Any]]:
    """Each profile once, whether it was sent again or not."""
    return list(
        {item["id"]: item for batch in batches for item in batch.content.get("profiles", ())}.values()
    )


def hot_function(session: dict[str, Any], file: str) -> str:
    """Of the functions in files of that name, the one that was the innermost of them for longest; or none."""
    seconds: dict[str, float] = {}
    for stack, took in records(session):
        own = [function.name for function in stack if function.file.endswith(file)]
        if own:
            seconds[own[-1]] = seconds.get(own[-1], 0.0) + took
    return max(seconds, key=lambda name: seconds[name], default="")


def records(session: dict[str, Any]) -> Iterator[tuple[list[Function], float]]:
    """The samples of a session in table form: functions from the outermost in, and the seconds of each."""
    strings, nodes = session["strings"], session["nodes"]
    functions = [
        Function(strings[frame], "")
        if isinstance(frame, int)
        else Function(strings[frame[0]], strings[frame[1]])
        for frame in session["frames"]
    ]
    for sample, took in zip(session["samples"], session["times"], strict=True):
        stack, node = [], sample
        while node >= 0:
            node, frame = nodes[node]
            stack.append(functions[frame])
        yield stack[::-1], took


def kept(served: Sequence[Served], recorded: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Which of the requests were recorded: the place in `served`, and the profile.

    The SDK begins after the server and ends before it: of the endpoint's requests around the profile, it is
    of the one that is hardly longer.
    """
    by_path: dict[str, list[int]] = {}
    for place, request in enumerate(served):
        by_path.setdefault(request.path.strip("/"), []).append(place)
    found = {}
    for profile in recorded:
        began_at = datetime.fromisoformat(profile["started_at"]).timestamp()
        ended_at = began_at + profile["duration_us"] / 1e6
        around = [
            place
            for place in by_path.get(profile["endpoint"].strip("/"), ())
            if served[place].began_at - _SLACK_S <= began_at and ended_at <= served[place].ended_at + _SLACK_S
        ]
        if around:
            found[min(around, key=lambda place: served[place].duration_ns)] = profile
    return found
