"""Call trees made by hand."""

from __future__ import annotations

from profiles.calltree import CallTree, Function, totals

OWN = "shop/"


def function(text: str) -> Function:
    """`shop/orders.py:Order.save` is the app's own where the file begins with `shop/`."""
    file, _, name = text.rpartition(":")
    class_name, _, plain = name.rpartition(".") if file != "<built-in>" else ("", "", name)
    line = 0 if file.startswith("<") else 7
    return Function(plain, class_name, file, file, line, library=not file.startswith(OWN))


def tree(*stacks: tuple[str, int, int]) -> CallTree:
    """Of stacks as (`a.py:f > b.py:g`, self time in milliseconds, samples), which must come in preorder."""
    made = CallTree()
    functions: dict[Function, int] = {}
    nodes: dict[tuple[str, ...], int] = {}
    for text, self_ms, samples in stacks:
        names = text.split(" > ")
        for depth in range(1, len(names) + 1):
            way = tuple(names[:depth])
            if way in nodes:
                continue
            nodes[way] = len(made.parent)
            made.parent.append(nodes[way[:-1]] if depth > 1 else -1)
            made.function.append(functions.setdefault(function(names[depth - 1]), len(functions)))
            made.self_us.append(0)
            made.samples.append(0)
        node = nodes[tuple(names)]
        made.self_us[node] += self_ms * 1_000
        made.samples[node] += samples
    made.functions = list(functions)
    made.total_us = totals(made.parent, made.self_us)
    return made
