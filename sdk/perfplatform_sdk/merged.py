"""Many stacks as one tree, with the time and the number of samples that ended in each function."""

from __future__ import annotations

from collections.abc import Sequence

from .engines.naming import Key

MAX_NODES = 1_000


OTHER = "(other)"


class Tree:
    """Merged stacks of one endpoint in one minute. What no longer fits is given to the nearest caller."""

    __slots__ = ("_children", "keys", "parents", "samples", "self_us")

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.parents: list[int] = []
        self.self_us: list[int] = []
        self.samples: list[int] = []
        self._children: dict[tuple[int, Key], int] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, stack: Sequence[Key], duration_us: int, *, most: int = MAX_NODES) -> None:
        """Add a sample: its functions from the outermost in. The tree grows to `most` nodes, or one more."""
        node = -1
        for key in stack:
            child = self._children.get((node, key))
            if child is None:
                if len(self.keys) >= most:
                    break
                child = self._node(node, key)
            node = child
        if node < 0:
            found = self._children.get((-1, OTHER))
            node = self._node(-1, OTHER) if found is None else found
        self.self_us[node] += duration_us
        self.samples[node] += 1

    def _node(self, parent: int, key: Key) -> int:
        number = self._children[(parent, key)] = len(self.keys)
        self.keys.append(key)
        self.parents.append(parent)
        self.self_us.append(0)
        self.samples.append(0)
        return number
