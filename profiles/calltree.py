"""The aggregated call tree of one recording, and what it says at a glance.

Everything is iterative, since stacks may be thousands of frames deep, and in whole microseconds: each sample
is rounded once, and every total is the exact sum of its samples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from profiles.frame import ATTRIBUTE_SEPARATOR, PART_SEPARATOR, SYNTHETIC, identifier

MICROSECONDS: Final = 1_000_000

_SELF: Final = "[self]"
# Wherever it lies: in development it is on the path like the app itself.
_SDK: Final = re.compile(r"[/\\]perfplatform_sdk[/\\]")
ROOT: Final = "[root]"


class Function(NamedTuple):
    """Code that was seen running; `library` is what pyinstrument does not call application code.

    `file` is the path as recorded, `short_file` the same below its entry of sys.path. Both are empty for what
    stands for time instead of code: `[await]`, `[out-of-context]`, and the `[root]` above several roots.
    """

    name: str
    class_name: str
    file: str
    short_file: str
    line: int
    library: bool


@dataclass(slots=True)
class CallTree:
    """Columns, one entry a node, in preorder with the heaviest child first. The parent of the root is -1.

    `function` points into `functions`; `samples` counts those that ended in the node, as `self_us` sums them.
    """

    functions: list[Function] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    function: list[int] = field(default_factory=list)
    self_us: list[int] = field(default_factory=list)
    total_us: list[int] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)


class Timeline(NamedTuple):
    """When which node of a tree ran: runs in the order of time, `duration_us` each, one after another.

    Samples in a row that ended in the same `node` are one run. The runs of a node sum to its self time.
    """

    node: list[int]
    duration_us: list[int]


class _Node:
    """A node while the tree grows; `number` is its place in the finished one."""

    __slots__ = ("children", "class_name", "name", "number", "samples", "self_us", "total_us")

    def __init__(self, name: str, class_name: str) -> None:
        self.name = name
        self.class_name = class_name
        self.children: dict[tuple[str, str], _Node] = {}
        self.self_us = self.total_us = self.samples = self.number = 0


def from_session(session: dict[str, Any]) -> CallTree:
    """Build the tree of a session in plain form, without the stem above where the profiler was started.

    Code is told apart by function, file, first line and class. A session without records has an empty tree.
    """
    return in_time_order(session)[0]


def in_time_order(session: dict[str, Any]) -> tuple[CallTree, Timeline]:
    """Build the tree of a session as `from_session` does, and say in which order its nodes ran."""
    if not session["frame_records"]:
        return CallTree(), Timeline([], [])
    root, runs = _grow(session["frame_records"])
    _sum_up(root)
    tree = _flatten(_trim_stem(root, session["start_call_stack"]), _Reader(session))
    return tree, Timeline([node.number for node, _us in runs], [duration_us for _node, duration_us in runs])


def name_of(function: Function) -> str:
    """`Order.save`, or `save` outside of a class."""
    return f"{function.class_name}.{function.name}" if function.class_name else function.name


def place_of(function: Function) -> str:
    """`shop/orders.py:40`, without the line if there is none; empty for what is no code."""
    return f"{function.short_file}:{function.line}" if function.line > 0 else function.short_file


def totals(parents: Sequence[int], self_us: Sequence[int]) -> list[int]:
    """Return for each node its self time and that of all below it. Parents stand before children."""
    total_us = list(self_us)
    for node in range(len(total_us) - 1, -1, -1):
        if parents[node] >= 0:
            total_us[parents[node]] += total_us[node]
    return total_us


def hot_path(tree: CallTree) -> list[int]:
    """Return the nodes from the root to where the time goes: the heaviest child while it has half or more."""
    path: list[int] = []
    node, count = 0, len(tree.parent)
    while node < count:
        path.append(node)
        below = node + 1
        if below == count or tree.parent[below] != node or 2 * tree.total_us[below] < tree.total_us[node]:
            break
        node = below
    return path


def top_own_function(tree: CallTree) -> int | None:
    """Return the function of the app with the most time of its own, None where only libraries ran.

    Time of its own is its self time and that of the library frames below it with no other own frame between.
    """
    owner: list[int] = []
    own_us: dict[int, int] = {}
    for node, parent in enumerate(tree.parent):
        function = tree.function[node]
        if tree.functions[function].library:
            function = owner[parent] if parent >= 0 else -1
        owner.append(function)
        if function >= 0:
            own_us[function] = own_us.get(function, 0) + tree.self_us[node]
    return max(own_us, key=lambda function: own_us[function], default=None)


def shorten(path: str, sys_path: Sequence[str]) -> str:
    """Return a path below the longest entry of sys.path that holds it; `/` and `\\` both separate."""
    best = 0
    for entry in sys_path:
        stem = entry.rstrip("/\\")
        if best < len(stem) < len(path) and path.startswith(stem) and path[len(stem)] in "/\\":
            best = len(stem)
    return path[best + 1 :] if best else path


def _grow(records: Sequence[tuple[Sequence[str], float]]) -> tuple[_Node, list[tuple[_Node, int]]]:
    """Put every record into a tree; return its root, which is `[root]` if there are several, and the runs."""
    top = _Node(ROOT, "")
    runs: list[tuple[_Node, int]] = []
    keys: dict[str, tuple[str, str]] = {}
    for stack, seconds in records:
        node = top
        for text in stack:
            key = keys.get(text)
            if key is None:
                key = keys[text] = (identifier(text), _class_name(text))
            if key[0] == _SELF:
                break
            child = node.children.get(key)
            if child is None:
                child = node.children[key] = _Node(*key)
            node = child
        duration_us = round(seconds * MICROSECONDS)
        node.self_us += duration_us
        node.samples += 1
        if runs and runs[-1][0] is node:
            duration_us += runs.pop()[1]
        runs.append((node, duration_us))
    alone = len(top.children) == 1 and not top.samples
    return next(iter(top.children.values())) if alone else top, runs


def _class_name(text: str) -> str:
    attributes = text.split(ATTRIBUTE_SEPARATOR)[1:]
    return next((attribute[1:] for attribute in attributes if attribute.startswith("c")), "")


def _sum_up(root: _Node) -> None:
    """Fill in the totals from the leaves upward, and order children by them."""
    order = [root]
    for node in order:
        order.extend(node.children.values())
    for node in reversed(order):
        node.total_us = node.self_us + sum(child.total_us for child in node.children.values())
        if len(node.children) > 1:
            heaviest_first = sorted(node.children.items(), key=lambda item: -item[1].total_us)
            node.children = dict(heaviest_first)


def _trim_stem(root: _Node, start_call_stack: Sequence[str]) -> _Node:
    """Leave out what was on the stack when the profiler started, down to the first sample or branch."""
    start = [identifier(text) for text in start_call_stack]
    if start[0] != root.name:
        return root
    for name in start[1:]:
        child = next(iter(root.children.values()), None)
        if root.samples or len(root.children) != 1 or child is None or child.name != name:
            break
        root = child
    return root


def _flatten(root: _Node, reader: _Reader) -> CallTree:
    tree = CallTree()
    numbers: dict[Function, int] = {}
    waiting: list[tuple[_Node, int, bool]] = [(root, -1, True)]
    while waiting:
        node, parent, below_own_code = waiting.pop()
        function = reader.function(node, below_own_code=below_own_code)
        number = node.number = len(tree.parent)
        tree.parent.append(parent)
        tree.function.append(numbers.setdefault(function, len(numbers)))
        tree.self_us.append(node.self_us)
        tree.total_us.append(node.total_us)
        tree.samples.append(node.samples)
        waiting.extend((child, number, not function.library) for child in reversed(node.children.values()))
    tree.functions = list(numbers)
    return tree


class _Reader:
    """Reads frames with the eyes of the process that they were recorded in."""

    def __init__(self, session: dict[str, Any]) -> None:
        self.sys_path: Sequence[str] = session["sys_path"]
        self.sys_prefixes = tuple(session["sys_prefixes"])
        self._known: dict[tuple[str, str, bool], Function] = {}

    def function(self, node: _Node, *, below_own_code: bool) -> Function:
        key = (node.name, node.class_name, below_own_code)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._read(node.name, node.class_name, below_own_code=below_own_code)
        return found

    def _read(self, name: str, class_name: str, *, below_own_code: bool) -> Function:
        pieces = name.split(PART_SEPARATOR)
        file = pieces[1] if len(pieces) > 1 else ""
        line = int(pieces[2]) if len(pieces) > 2 else 0
        library = not self._is_own_code(name, file, below_own_code=below_own_code)
        return Function(pieces[0], class_name, file, shorten(file, self.sys_path), line, library)

    def _is_own_code(self, name: str, file: str, *, below_own_code: bool) -> bool:
        """Decide as pyinstrument's Frame.is_application_code does, save that the SDK is a library."""
        if name in SYNTHETIC or not file or file.startswith(self.sys_prefixes) or _SDK.search(file):
            return False
        if not file.startswith("<") or file.startswith("<ipython-input-"):
            return True
        # What eval and exec run belongs to whoever runs it.
        return file in ("<string>", "<stdin>") and below_own_code
