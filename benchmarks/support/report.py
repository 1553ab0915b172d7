"""What every benchmark writes down: on which machine, with which versions, how far from its targets."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PACKAGES = ("Django", "djangorestframework", "granian", "msgspec", "pymongo", "pyinstrument", "zstandard")


@dataclass(frozen=True)
class Target:
    """A figure and its limit; `ok` says on which side it is."""

    name: str
    value: float
    unit: str
    limit: float
    ok: bool


@dataclass
class Report:
    """Targets, and the rows that they come from."""

    bench: str
    targets: list[Target] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def at_least(self, name: str, value: float, *, limit: float, unit: str) -> None:
        self.targets.append(Target(name, round(value, 3), unit, limit, value >= limit))

    def at_most(self, name: str, value: float, *, limit: float, unit: str) -> None:
        self.targets.append(Target(name, round(value, 3), unit, limit, value <= limit))

    def write(self, path: Path | None, *, versions: dict[str, str]) -> None:
        """Print for people; write JSON to `path` as well."""
        for row in self.rows:
            print("  ".join(f"{name} {value}" for name, value in row.items()))
        for target in self.targets:
            verdict = "ok" if target.ok else "MISSED"
            print(f"{target.name}: {target.value} {target.unit} (limit {target.limit}) {verdict}")
        if path:
            document = {
                "bench": self.bench,
                "machine": machine(),
                "versions": {"python": platform.python_version(), **installed(), **versions},
                "targets": [asdict(target) for target in self.targets],
                "rows": self.rows,
            }
            path.write_text(json.dumps(document, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """The machine, with its load at the moment: figures of a busy one are no figures."""
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "load": [round(value, 2) for value in os.getloadavg()],
    }


def installed() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def say(line: str) -> None:
    """Tell whoever waits for a long benchmark what is being measured."""
    print(line, file=sys.stderr, flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie; 0 where there is none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0
