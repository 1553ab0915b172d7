"""Recordings with a tree of one's choice, and batches of them as an SDK sends them. No Django here."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

APP = "/srv/shop/"
LIBRARY = "/srv/venv/lib/python3.11/site-packages/"
Stack = Sequence[str]


def _frame(name: str, root: str, place: str, owner: str) -> str:
    file, _colon, line = place.rpartition(":")
    attributes = f"\x01c{owner}" if owner else ""
    return f"{name}\0{root}{file}\0{line}{attributes}\x01l{line}"


def own(name: str, place: str = "shop/catalogue.py:40", *, owner: str = "") -> str:
    """A frame of the target app, as pyinstrument writes it; `owner` is its class."""
    return _frame(name, APP, place, owner)


def library(name: str, place: str = "flask/app.py:1500", *, owner: str = "") -> str:
    return _frame(name, LIBRARY, place, owner)


def session(records: Sequence[tuple[Stack, float]]) -> dict[str, Any]:
    """pyinstrument's plain form of (stack with its root first, seconds) pairs."""
    return {
        "start_time": datetime.now(UTC).timestamp(),
        "duration": sum(seconds for _stack, seconds in records),
        "min_interval": 0.001,
        "max_interval": 0.001,
        "sample_count": len(records),
        "start_call_stack": ["<thread>\0\x000"],
        "target_description": "GET /products",
        "cpu_time": 0.01,
        "sys_path": [APP.rstrip("/"), LIBRARY.rstrip("/")],
        "sys_prefixes": ["/srv/venv"],
        "frame_records": [[list(stack), seconds] for stack, seconds in records],
    }


def profile(
    records: Sequence[tuple[Stack, float]] = (((own("list_products"),), 0.045),), **fields: Any
) -> dict[str, Any]:
    """A profile of the wire format; its duration is the recording's unless `fields` say otherwise."""
    at: datetime = fields.pop("started_at", datetime.now(UTC))
    return {
        "id": uuid.uuid4().hex,
        "kind": "request",
        "endpoint": "/products",
        "method": "GET",
        "status": 200,
        "started_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "duration_us": round(1_000_000 * sum(seconds for _stack, seconds in records)),
        "cpu_us": 10_000,
        "engine": "pyinstrument",
        "interval_us": 1000,
        "trigger": "sampled",
        "session": session(records),
        **fields,
    }


def batch(
    profiles: Sequence[dict[str, Any]], *, version: str = "1.0", environment: str = "production"
) -> dict[str, Any]:
    return {
        "schema": 1,
        "sdk": {"name": "perfplatform-sdk", "version": "0.1.0"},
        "process": {
            "instance": uuid.uuid4().hex,
            "hostname": "web-1",
            "pid": 4711,
            "python": "3.11.7",
            "framework": "flask 3.1.3",
        },
        "environment": environment,
        "version": {"name": version},
        "profiles": list(profiles),
    }
