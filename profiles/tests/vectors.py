"""The vectors that server and SDK share; docs/vectors/README.md says how they are used."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[2] / "docs" / "vectors"
ANCHOR = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def load(name: str) -> Any:
    return json.loads((DIRECTORY / name).read_text(encoding="utf-8"))


def rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def batch(now: datetime) -> dict[str, Any]:
    """Return the valid batch with its times moved to the last full minute."""
    found: dict[str, Any] = load("batch.json")
    shift = (now - timedelta(seconds=60)).replace(second=0, microsecond=0) - ANCHOR
    for item, name in ((found["ledger"][0], "minute"), (found["profiles"][0], "started_at")):
        item[name] = rfc3339(datetime.fromisoformat(item[name]) + shift)
    return found


class Literal(str):
    """A text that goes into the body as it stands."""

    __slots__ = ()


def rejected_body(row: dict[str, Any], now: datetime) -> bytes:
    """Return the body that a row of rejected.json describes."""
    changed: Any = batch(now)
    for change in (row, *row.get("also", [])):
        changed = apply(change, changed, now)
    literals: list[str] = []

    def mark(value: Any) -> Any:
        if isinstance(value, Literal):
            literals.append(value)
            return f"@literal {len(literals) - 1}@"
        if isinstance(value, dict):
            return {name: mark(item) for name, item in value.items()}
        return [mark(item) for item in value] if isinstance(value, list) else value

    body = json.dumps(mark(changed))
    for number, literal in enumerate(literals):
        body = body.replace(f'"@literal {number}@"', literal)
    return body.encode()


def apply(change: dict[str, Any], document: Any, now: datetime) -> Any:
    """Make one change to a document, in place unless it replaces the whole."""
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in change["pointer"].split("/")]
    if not path:
        return _value(change, now)
    parent = document
    for part in path[1:]:
        parent = parent[int(part) if isinstance(parent, list) else part]
    key: Any = int(last) if isinstance(parent, list) else last
    if change.get("remove"):
        del parent[key]
    else:
        parent[key] = _value(change, now)
    return document


def _value(change: dict[str, Any], now: datetime) -> Any:
    if "repeat" in change:
        if isinstance(change["repeat"], str) and not change.get("list"):
            return change["repeat"] * change["count"]
        return [change["repeat"]] * change["count"]
    if "seconds_from_now" in change:
        instant = now + timedelta(seconds=change["seconds_from_now"])
        minute = change["pointer"].endswith("minute")
        return rfc3339(instant.replace(second=0, microsecond=0) if minute else instant)
    return Literal(change["literal"]) if "literal" in change else copy.deepcopy(change["value"])
