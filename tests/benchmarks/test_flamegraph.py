"""The trees that flame graphs are measured with, and what is said where the other tool is missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks import flamegraph
from benchmarks.support import flames
from profiles import calltree


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    return flames.columns(3_000)


def test_tree_is_one_that_a_page_may_be_given(tree: dict[str, Any]) -> None:
    assert {len(tree[name]) for name in ("parent", "function", "self_us", "total_us", "samples")} == {3_000}
    assert calltree.totals(tree["parent"], tree["self_us"]) == tree["total_us"]
    children: dict[int, list[int]] = {}
    for node, parent in enumerate(tree["parent"]):
        assert parent < node
        children.setdefault(parent, []).append(tree["total_us"][node])
    assert all(totals == sorted(totals, reverse=True) for totals in children.values())
    assert max(tree["function"]) < len(tree["functions"]["name"])
    assert flames.columns(3_000) == tree


def test_both_tools_show_the_same(tree: dict[str, Any]) -> None:
    waiting, count = [flames.nested(tree)], 0
    while waiting:
        node = waiting.pop()
        count += 1
        assert sum(child["value"] for child in node["children"]) <= node["value"]
        waiting.extend(node["children"])
    # The page puts the request above the frames too.
    assert count == 3_001


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (FileNotFoundError("npm"), "npm is missing"),
        (subprocess.CalledProcessError(1, "npm"), "npm could not install"),
        (subprocess.TimeoutExpired("npm", 1), "npm could not install"),
    ],
)
def test_without_the_other_tool_only_ours_is_measured(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    trouble: Exception,
    told: str,
) -> None:
    def fail(*_command: Any, **_options: Any) -> None:
        raise trouble

    monkeypatch.setattr(subprocess, "run", fail)
    assert not flamegraph.install_peer(tmp_path)
    assert told in capsys.readouterr().err


def test_what_is_measured_beside_ours_is_pinned_with_hashes() -> None:
    lock = json.loads((flamegraph.PEER / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages["node_modules/d3-flame-graph"]["version"] == flamegraph.peer_version()
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
