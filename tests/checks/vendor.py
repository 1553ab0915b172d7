"""`python -m tests.checks.vendor`: is static/vendor/ what static/vendor.lock.json says, to the byte?

Each file is named there with its hash, the package it came from and its licence, and the notices that its
licence wants beside it. Where the end of the
original was left out (a comment that leads to a source map which is not served), the lock says so and holds
both hashes.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FIELDS = (
    "name",
    "version",
    "package",
    "licence",
    "licence_file",
    "file",
    "sha256",
    "source_file",
    "source_sha256",
)
LOADS_FROM_ELSEWHERE = re.compile(rb"""(?:url\(\s*["']?|@import\s+["'])\s*(?:https?:)?//""")


def problems(static: Path) -> Iterator[str]:
    """What is wrong below the folder of static files, one sentence each."""
    entries: list[dict[str, Any]] = json.loads((static / "vendor.lock.json").read_text())["files"]
    vendor = static / "vendor"
    named = {name for entry in entries for name in (entry.get("file"), *_texts(entry))}
    for path in sorted(path for path in vendor.rglob("*") if path.is_file()):
        if str(path.relative_to(vendor)) not in named:
            yield f"{path.relative_to(static)} is not in vendor.lock.json"
    for entry in entries:
        missing = [field for field in FIELDS if not entry.get(field)]
        if missing:
            yield f"vendor.lock.json: {entry.get('file')} lacks {', '.join(missing)}"
        else:
            yield from _problems_of_file(vendor, entry)


def _problems_of_file(vendor: Path, entry: dict[str, Any]) -> Iterator[str]:
    path = vendor / entry["file"]
    for text in _texts(entry):
        if not (vendor / text).is_file():
            yield f"{entry['file']}: its licence {text} is missing"
    if not path.is_file():
        yield f"{entry['file']} is missing"
        return
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        yield f"{entry['file']} was changed: its hash is not the one in vendor.lock.json"
    original = content + entry.get("removed_end", "").encode()
    if hashlib.sha256(original).hexdigest() != entry["source_sha256"]:
        yield f"{entry['file']} is not {entry['source_file']} of {entry['package']} {entry['version']}"
    if LOADS_FROM_ELSEWHERE.search(content):
        yield f"{entry['file']} loads something from another host"


def _texts(entry: dict[str, Any]) -> list[Any]:
    """The licence, and the notices that go with it."""
    return [entry.get("licence_file"), *entry.get("notice_files", ())]


def main() -> int:
    found = list(problems(ROOT / "static"))
    print("\n".join(found) or "The vendored files are what vendor.lock.json says.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
