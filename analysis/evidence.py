"""What detectors look at: a call tree, whose code each node runs for, and what was counted beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import Any, Final, Self

from profiles.calltree import CallTree, Function, name_of, totals

UNKNOWN: Final = -1
# So many pieces of a path, from its end, can be asked for by a detector.
_MOST_PIECES: Final = 4
BUILT_IN: Final = "<built-in>"
# A call into C that lasts so many times as long as a sample has waited, and was not only met.
_SLOW_TICKS: Final = 1.5


class Frames:
    """Functions of libraries, by the end of their file's path; no names: every function of the file.

    Methods are named with their class where that matters: `Thread.join`, else `join`. Built-in functions are
    in the file `<built-in>`, and only pyinstrument sees them; the sampler sees their caller instead.
    """

    def __init__(self, files: Mapping[str, Iterable[str]]) -> None:
        self._files = {file: frozenset(names) for file, names in files.items()}

    def matches(self, function: Function) -> bool:
        for suffix in _suffixes(function.short_file):
            names = self._files.get(suffix)
            if names is not None and (not names or function.name in names or name_of(function) in names):
                return True
        return False

    def __or__(self, other: Frames) -> Frames:
        joined = dict(self._files)
        for file, names in other._files.items():
            mine = joined.get(file)
            joined[file] = names if mine is None else (mine | names if mine and names else frozenset())
        return Frames(joined)


@dataclass(frozen=True)
class Counted:
    """Calls to another system from one function: `kind` is "db" or "http", `fingerprint` has no literals."""

    kind: str
    function: str
    file: str
    line: int
    fingerprint: str
    count: int
    total_us: int

    def is_by(self, function: Function) -> bool:
        """Files are relative to sys.path on either side, or absolute where that was not known."""
        name = self.function.rpartition(".")[2]
        if name != function.name:
            return False
        one, other = _slashed(self.file), _slashed(function.short_file)
        return one == other or one.endswith("/" + other) or other.endswith("/" + one)


@dataclass(frozen=True)
class Counters:
    """What was counted in `requests` requests that took `duration_us` together."""

    items: tuple[Counted, ...] = ()
    requests: int = 0
    duration_us: int = 0

    @classmethod
    def of(cls, profiles: Iterable[tuple[list[dict[str, Any]], int]]) -> Self:
        """Of (counters as in docs/wire.md, duration in microseconds) of each profile."""
        sums: dict[tuple[str, str, str, int, str], tuple[int, int]] = {}
        requests = whole_us = 0
        for counters, duration_us in profiles:
            requests += 1
            whole_us += duration_us
            for said in counters:
                caller = said["caller"]
                place = caller["function"], caller["file"], caller["line"]
                key = (said["type"], *place, said["fingerprint"])
                count, total_us = sums.get(key, (0, 0))
                sums[key] = count + said["count"], total_us + said["total_us"]
        items = tuple(Counted(*key, count, total_us) for key, (count, total_us) in sums.items())
        return cls(items, requests, whole_us)

    def per_request(self, items: Iterable[Counted]) -> float:
        return sum(item.count for item in items) / max(self.requests, 1)

    def share(self, items: Iterable[Counted]) -> float:
        return min(sum(item.total_us for item in items) / max(self.duration_us, 1), 1.0)


@dataclass(frozen=True)
class Group:
    """Calls of one function of the app into a family of library functions."""

    function: int
    node: int
    nodes: tuple[int, ...]
    time_us: int
    samples: int


@dataclass
class Evidence:
    """A call tree, as from a recording or merged, and what is known beside it.

    `idle_us` is the time in which the thread did not compute, UNKNOWN where CPU time was not measured.
    """

    tree: CallTree
    counters: Counters = field(default_factory=Counters)
    idle_us: int = UNKNOWN
    framework: str = ""

    def __post_init__(self) -> None:
        self.whole_us = sum(self.tree.self_us)
        self.total_us = totals(self.tree.parent, self.tree.self_us)
        self.total_samples = totals(self.tree.parent, self.tree.samples)
        self._end = _ends(self.tree.parent)
        self.owner = self._owners()
        self._taken = bytearray(len(self.tree.parent))

    @classmethod
    def of_recording(
        cls, tree: CallTree, *, counters: Counters, duration_us: int, cpu_us: int, framework: str
    ) -> Self:
        """Of one profile; a `cpu_us` of 0 says that it was not measured."""
        idle_us = max(duration_us - cpu_us, 0) if cpu_us else UNKNOWN
        return cls(tree, counters, idle_us, framework)

    @cached_property
    def orm(self) -> str:
        """Which object-relational mapper is seen at work: "sqlalchemy", "django", or none."""
        files = [_slashed(function.short_file) for function in self.tree.functions if function.library]
        if any("sqlalchemy/" in file for file in files):
            return "sqlalchemy"
        return "django" if any("django/db/" in file for file in files) else ""

    @property
    def framework_name(self) -> str:
        """`flask` of `flask 3.1.3`."""
        return self.framework.partition(" ")[0].lower()

    @cached_property
    def tick_us(self) -> int:
        """What a sample of Python code stands for. A built-in function that waits makes one, however long."""
        time_us = samples = 0
        for node, function in enumerate(self.tree.function):
            if self.tree.functions[function].short_file != BUILT_IN:
                time_us += self.tree.self_us[node]
                samples += self.tree.samples[node]
        return max(time_us // max(samples, 1), 1)

    def is_enough(self, group: Group, samples: int) -> bool:
        """Whether a group has so many samples, or lasted as long as so many."""
        return group.samples >= samples or group.time_us >= samples * self.tick_us

    def is_quick(self, nodes: Iterable[int]) -> bool:
        """Whether the built-in functions at and below these nodes return at once each time."""
        time_us = samples = 0
        for top in nodes:
            for node in range(top, self._end[top]):
                if self.tree.functions[self.tree.function[node]].short_file == BUILT_IN:
                    time_us += self.tree.self_us[node]
                    samples += self.tree.samples[node]
        return samples > 0 and time_us < _SLOW_TICKS * samples * self.tick_us

    def groups(self, frames: Frames) -> list[Group]:
        """Calls into these functions that no finding has taken yet, by the own function that makes them."""
        found: dict[int, list[int]] = {}
        for node in self.entries(frames):
            owner = self.owner[node]
            blamed = self.tree.function[owner] if owner >= 0 else self.tree.function[node]
            found.setdefault(blamed, []).append(node)
        return [self.group(function, nodes) for function, nodes in found.items()]

    def group(self, function: int, nodes: list[int]) -> Group:
        heaviest_first = sorted(nodes, key=lambda node: -self.total_us[node])
        owner = self.owner[heaviest_first[0]]
        return Group(
            function,
            owner if owner >= 0 else heaviest_first[0],
            tuple(heaviest_first),
            sum(self._free(node, self.tree.self_us, self.total_us) for node in nodes),
            sum(self._free(node, self.tree.samples, self.total_samples) for node in nodes),
        )

    def _free(self, node: int, own: list[int], total: list[int]) -> int:
        """What is below a node, without what another finding has taken of it."""
        end = self._end[node]
        if 1 not in self._taken[node:end]:
            return total[node]
        return sum(own[below] for below in range(node, end) if not self._taken[below])

    def entries(self, frames: Frames) -> Iterator[int]:
        """The topmost nodes of these functions, in the order of the tree."""
        matched = self.matched(frames)
        node, count = 0, len(self.tree.parent)
        while node < count:
            if self._taken[node]:
                node += 1
            elif matched[self.tree.function[node]]:
                yield node
                node = self._end[node]
            else:
                node += 1

    def matched(self, frames: Frames) -> list[bool]:
        """For each function of the tree whether it is one of these. The app's own never are."""
        return [function.library and frames.matches(function) for function in self.tree.functions]

    def time_within(self, nodes: Iterable[int], frames: Frames) -> int:
        """The time that is spent in these functions below, or at, some nodes."""
        matched, spent = self.matched(frames), 0
        for top in nodes:
            node = top
            while node < self._end[top]:
                if matched[self.tree.function[node]]:
                    spent += self.total_us[node]
                    node = self._end[node]
                else:
                    node += 1
        return spent

    def take(self, nodes: Iterable[int]) -> None:
        """A finding stands for all below these: a less special one does not tell of it again."""
        for node in nodes:
            end = self._end[node]
            self._taken[node:end] = b"\1" * (end - node)

    @property
    def taken_us(self) -> int:
        """The time that findings have taken so far."""
        return sum(compress(self.tree.self_us, self._taken))

    def callers(self, frames: Frames) -> set[int]:
        """The own functions that call these, taken or not."""
        matched, function_of = self.matched(frames), self.tree.function
        return {
            function_of[self.owner[node]]
            for node, function in enumerate(function_of)
            if matched[function] and self.owner[node] >= 0
        }

    def remains(self) -> list[Group]:
        """The time of each own function that nothing has taken: its own, and that of libraries it calls."""
        nodes: dict[int, list[int]] = {}
        for node, owner in enumerate(self.owner):
            if owner >= 0 and not self._taken[node]:
                nodes.setdefault(self.tree.function[owner], []).append(node)
        return [self._remaining(function, numbers) for function, numbers in nodes.items()]

    def _remaining(self, function: int, nodes: list[int]) -> Group:
        owners = {self.owner[node] for node in nodes}
        heaviest = max(owners, key=lambda node: self.total_us[node])
        time_us = sum(self.tree.self_us[node] for node in nodes)
        samples = sum(self.tree.samples[node] for node in nodes)
        return Group(function, heaviest, (heaviest,), time_us, samples)

    def above(self, node: int) -> Iterator[int]:
        """The way from a node's parent up to the root."""
        node = self.tree.parent[node]
        while node >= 0:
            yield node
            node = self.tree.parent[node]

    def below(self, node: int) -> range:
        """The nodes of a subtree without its top."""
        return range(node + 1, self._end[node])

    def own_counters(self, kind: str, function: Function) -> list[Counted]:
        return [item for item in self.counters.items if item.kind == kind and item.is_by(function)]

    def _owners(self) -> list[int]:
        """For each node the nearest one of the app's own code, itself included; -1 where there is none.

        What a comprehension or a lambda does is the doing of the function around it.
        """
        tree = self.tree
        owners: list[int] = []
        for node, parent in enumerate(tree.parent):
            above = owners[parent] if parent >= 0 else -1
            function = tree.functions[tree.function[node]]
            is_code = bool(function.short_file) and not function.library
            within = above >= 0 and function.name.startswith("<") and _same_file(tree, above, function)
            owners.append(node if is_code and not within else above)
        return owners


def _same_file(tree: CallTree, node: int, function: Function) -> bool:
    return tree.functions[tree.function[node]].short_file == function.short_file


def _ends(parents: list[int]) -> list[int]:
    """For each node of a tree in preorder the number after the last one below it."""
    ends = list(range(1, len(parents) + 1))
    for node in range(len(parents) - 1, -1, -1):
        parent = parents[node]
        if parent >= 0 and ends[node] > ends[parent]:
            ends[parent] = ends[node]
    return ends


def _slashed(path: str) -> str:
    return path.replace("\\", "/")


def _suffixes(path: str) -> Iterator[str]:
    pieces = _slashed(path).split("/")
    for count in range(1, min(len(pieces), _MOST_PIECES) + 1):
        yield "/".join(pieces[-count:])
