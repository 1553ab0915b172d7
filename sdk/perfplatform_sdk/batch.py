"""What is sent: profiles as JSON, and batches of them with the ledger. docs/wire.md, sections 1 and 2."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple, Optional

from . import table
from .counters import rows
from .engines import Recording
from .engines.naming import describe
from .keeping import Endpoint
from .merged import OTHER

MAX_PROFILES = 200
MAX_PROFILE_BYTES = 8 * 1024 * 1024
# Far below what the platform takes (32 MB), so that a batch is soon made and soon sent.
FULL_BYTES = 4 * 1024 * 1024
_LONGEST_US = 86_400_000_000
_LONGEST_S = 86_400.0


class Profile(NamedTuple):
    """One kept case, as the request's thread hands it over."""

    endpoint: Endpoint
    trigger: str
    status: Optional[int]
    error_type: str
    started_at: float  # seconds since 1970
    duration_us: int
    streaming: bool
    engine: str
    recording: Recording
    profile_id: str
    tags: Optional[dict[str, str]] = None
    trace_id: str = ""
    counters: Optional[dict[Any, Any]] = None

    def item(self) -> dict[str, Any]:
        """One item of `profiles`."""
        item: dict[str, Any] = {
            "id": self.profile_id,
            "kind": self.endpoint.kind,
            "endpoint": self.endpoint.name,
            "method": self.endpoint.method,
            "status": self.status,
            "started_at": _time(self.started_at),
            "duration_us": bounded_us(self.duration_us),
            "cpu_us": bounded_us(self.recording.cpu_us),
            "engine": self.engine,
            "interval_us": self.recording.interval_us,
            "trigger": self.trigger,
            "streaming": self.streaming,
            "session": _session(self.recording, f"{self.endpoint.method} {self.endpoint.name}".strip()),
        }
        if self.error_type:
            item["error_type"] = table.transmissible(self.error_type, 256)
        if self.trace_id:
            item["trace_id"] = self.trace_id
        if self.tags:
            item["tags"] = dict(self.tags)
        if self.counters:
            item["counters"] = [_counter(*row) for row in rows(self.counters)]
        return item


@dataclass(frozen=True)
class Batch:
    """One request's body, and what is in it."""

    body: bytes  # gzip
    profiles: int
    minutes: list[int]
    made_at: float  # monotonic seconds


def make_batch(
    header: dict[str, Any], profiles: Sequence[bytes], ledger: dict[int, dict[str, Any]], *, made_at: float
) -> Batch:
    """A batch of encoded profiles and ledger documents."""
    plain = encode_json({**header, "ledger": list(ledger.values())})
    plain = plain[:-1] + b',"profiles":[' + b",".join(profiles) + b"]}"
    body = gzip.compress(plain, 5, mtime=0)
    return Batch(body=body, profiles=len(profiles), minutes=list(ledger), made_at=made_at)


def encode_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def bounded_us(duration_us: int) -> int:
    return max(0, min(duration_us, _LONGEST_US))


def _counter(kind: str, caller: Any, fingerprint: str, count: int, total_us: int) -> dict[str, Any]:
    place = describe(caller or OTHER)
    return {
        "type": kind,
        "caller": {"function": place.name, "file": place.file, "line": place.line},
        "fingerprint": fingerprint,
        "count": count,
        "total_us": total_us,
    }


def _session(recording: Recording, description: str) -> dict[str, Any]:
    session = recording.session(table.transmissible(description))
    session["duration"] = max(0.0, min(session["duration"], _LONGEST_S))
    session["sys_path"] = [table.transmissible(entry) for entry in session["sys_path"][:1_000]]
    session["sys_prefixes"] = [table.transmissible(prefix) for prefix in session["sys_prefixes"]]
    return table.encode(session)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
