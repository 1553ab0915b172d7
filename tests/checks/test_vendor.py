from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.checks import vendor


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A folder of static files with one vendored file, all as it should be."""
    folder = tmp_path / "vendor" / "thing"
    folder.mkdir(parents=True)
    (folder / "thing.css").write_text("p {}\n")
    (folder / "LICENSE").write_text("MIT\n")
    entry = {
        "name": "Thing",
        "version": "1.0",
        "package": "thing",
        "licence": "MIT",
        "licence_file": "thing/LICENSE",
        "file": "thing/thing.css",
        "sha256": digest("p {}\n"),
        "source_file": "dist/thing.css",
        "source_sha256": digest("p {}\n/* map */"),
        "removed_end": "/* map */",
    }
    (tmp_path / "vendor.lock.json").write_text(json.dumps({"files": [entry]}))
    return tmp_path


def test_untouched_file_is_right(static: Path) -> None:
    assert list(vendor.problems(static)) == []


def test_changed_file(static: Path) -> None:
    (static / "vendor" / "thing" / "thing.css").write_text("p { color: red }\n")
    assert list(vendor.problems(static)) == [
        "thing/thing.css was changed: its hash is not the one in vendor.lock.json",
        "thing/thing.css is not dist/thing.css of thing 1.0",
    ]


def test_missing_file_and_licence(static: Path) -> None:
    for name in ("thing.css", "LICENSE"):
        (static / "vendor" / "thing" / name).unlink()
    assert list(vendor.problems(static)) == [
        "thing/thing.css: its licence thing/LICENSE is missing",
        "thing/thing.css is missing",
    ]


def test_file_that_is_not_in_the_lock(static: Path) -> None:
    (static / "vendor" / "other.js").write_text("")
    assert list(vendor.problems(static)) == ["vendor/other.js is not in vendor.lock.json"]


def test_incomplete_entry(static: Path) -> None:
    lock = json.loads((static / "vendor.lock.json").read_text())
    del lock["files"][0]["licence"]
    (static / "vendor.lock.json").write_text(json.dumps(lock))
    assert list(vendor.problems(static)) == ["vendor.lock.json: thing/thing.css lacks licence"]


@pytest.mark.parametrize(
    "text", ['p { background: url("https://x.example/a.png") }', "@import '//x.example/a.css';"]
)
def test_file_that_loads_from_elsewhere(static: Path, text: str) -> None:
    path = static / "vendor" / "thing" / "thing.css"
    path.write_text(text)
    lock = json.loads((static / "vendor.lock.json").read_text())
    lock["files"][0] |= {"sha256": digest(text), "source_sha256": digest(text), "removed_end": ""}
    (static / "vendor.lock.json").write_text(json.dumps(lock))
    assert list(vendor.problems(static)) == ["thing/thing.css loads something from another host"]
