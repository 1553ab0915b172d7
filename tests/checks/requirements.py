"""`python -m tests.checks.requirements`: do the requirements*.txt files still answer to their .in files?

Each requirement of an .in file must be pinned in the .txt beside it, in an allowed version and with hashes;
no .txt may lead to an index, an address or a path of the machine that wrote it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE)
LEADS_ELSEWHERE = re.compile(
    r"""://|\s@\s                                        # an address
    |^\s*(?:-e|-f|-i|--\w*index\S*|--find-links)\b      # an option that names one
    |(?:^|\s)\.{0,2}/                                   # a path""",
    re.MULTILINE | re.VERBOSE,
)


class Pin(NamedTuple):
    version: str
    has_hash: bool


def wanted(text: str) -> Iterator[Requirement]:
    """The requirements of an .in file; its comments and its -c lines are left out."""
    for line in text.splitlines():
        plain = line.partition("#")[0].strip()
        if plain and not plain.startswith("-"):
            yield Requirement(plain)


def pins(text: str) -> dict[str, list[Pin]]:
    """The pins of a .txt file by name: one package can have several, for different platforms."""
    found: dict[str, list[Pin]] = {}
    for match in PIN.finditer(text):
        pin = Pin(match["version"], "--hash=sha256:" in match["rest"])
        found.setdefault(canonicalize_name(match["name"]), []).append(pin)
    return found


def problems(name: str, asked: str, pinned: str) -> Iterator[str]:
    """What is wrong with the .txt text `pinned` for the .in text `asked`, one sentence each."""
    found = pins(pinned)
    for requirement in wanted(asked):
        versions = [pin.version for pin in found.get(canonicalize_name(requirement.name), [])]
        if not versions:
            yield f"{name}.txt does not pin {requirement.name}: run ./dev lock"
        for version in versions:
            if not requirement.specifier.contains(version, prereleases=True):
                allowed = f"{name}.in wants {requirement.specifier}"
                yield f"{name}.txt pins {requirement.name} {version}, {allowed}: run ./dev lock"
    for package, package_pins in found.items():
        if not all(pin.has_hash for pin in package_pins):
            yield f"{name}.txt pins {package} without a hash: run ./dev lock"
    without_comments = re.sub(r"#.*", "", pinned)
    for match in LEADS_ELSEWHERE.finditer(without_comments):
        number = without_comments.count("\n", 0, match.start()) + 1
        yield f"{name}.txt line {number} leads to an index, an address or a path: run ./dev lock"


def main() -> int:
    sources = sorted([*ROOT.glob("requirements*.in"), *ROOT.glob("sdk/requirements*.in")])
    found: list[str] = []
    for source in sources:
        name = str(source.relative_to(ROOT).with_suffix(""))
        target = source.with_suffix(".txt")
        pinned = target.read_text() if target.exists() else ""
        found.extend(problems(name, source.read_text(), pinned))
    print("\n".join(found) or f"{len(sources)} requirement files are pinned.")
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
