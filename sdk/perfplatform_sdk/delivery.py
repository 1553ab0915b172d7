"""One POST to the platform, and what its answer means. docs/wire.md, section 4."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import requests

from .instance import SDK_NAME, SDK_VERSION

_CONNECT_TIMEOUT_S = 5.0
_READ_TIMEOUT_S = 15.0
_LONGEST_ANSWER_S = 30.0
_LONGEST_ANSWER_BYTES = 256 * 1024
_LONGEST_RETRY_AFTER_S = 600.0

ARRIVED = "arrived"  # stored, apart from the refused items
REFUSED = "refused"  # never send this again
AGAIN = "again"  # send the same later
STOP = "stop"  # send nothing any more: the key is not good


class Outcome(NamedTuple):
    """What became of a batch."""

    verdict: str
    refused: int = 0  # items of a batch of which others were stored
    retry_after: float = 0.0  # seconds
    reason: str = ""


class Delivery:
    """The connection to one platform with one key, kept alive. Used by one thread."""

    def __init__(self, url: str, key: str) -> None:
        self._address = f"{url}/api/v1/ingest/"
        self._key = key
        self._session = requests.Session()

    def post(self, body: bytes, *, within: float = _LONGEST_ANSWER_S) -> Outcome:
        """Send a gzipped batch; `within` bounds each wait, in seconds. A network that fails is an `AGAIN`."""
        connect, read = (max(0.05, min(limit, within)) for limit in (_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S))
        try:
            with self._session.post(
                self._address,
                data=body,
                headers={
                    "Content-Type": "application/json",
                    "Content-Encoding": "gzip",
                    "User-Agent": f"{SDK_NAME}/{SDK_VERSION}",
                },
                auth=self._authorize,
                timeout=(connect, read),
                allow_redirects=False,  # the key goes to the configured address only
                stream=True,
            ) as answer:
                retry_after = answer.headers.get("Retry-After", "")
                return read_answer(answer.status_code, retry_after, _read(answer, within))
        except (requests.RequestException, OSError, ValueError) as error:
            return Outcome(AGAIN, reason=f"no answer ({type(error).__name__})")

    def close(self) -> None:
        self._session.close()

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As `auth`, for a header would be replaced by what ~/.netrc says of the host.
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def read_answer(status: int, retry_after: str, body: bytes) -> Outcome:
    """What an answer of the platform, or of whatever stands in its place, means."""
    reason = f"status {status}"
    if status in (200, 202):
        data = _data(body)
        if data is None or not isinstance(data.get("accepted"), int):
            return Outcome(AGAIN, reason=f"{reason}, but not an answer of the platform")
        return Outcome(ARRIVED, refused=_refusals(data), reason=_first_reason(data))
    if status in (401, 403):
        return Outcome(STOP, reason=reason)
    if status == 429:
        return Outcome(AGAIN, retry_after=_seconds(retry_after), reason=reason)
    if status in (400, 413, 415, 422):
        return Outcome(REFUSED, reason=_first_reason(_data(body) or {}) or reason)
    # Redirects, 404 and the like come from something that stands before the platform and may be mended.
    return Outcome(AGAIN, retry_after=_seconds(retry_after), reason=reason)


def _read(answer: requests.Response, within: float) -> bytes:
    """The body, cut off where it is too long or comes too slowly."""
    until = time.monotonic() + min(within, _LONGEST_ANSWER_S)
    body = b""
    for chunk in answer.iter_content(16 * 1024):
        body += chunk
        if len(body) > _LONGEST_ANSWER_BYTES or time.monotonic() > until:
            raise ValueError("the answer does not end")
    return body


def _data(body: bytes) -> dict[str, Any] | None:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return None
    data = envelope.get("data") if isinstance(envelope, dict) else None
    return data if isinstance(data, dict) else None


def _refusals(data: dict[str, Any]) -> int:
    rejected = data.get("rejected")
    return len(rejected) if isinstance(rejected, list) else 0


def _first_reason(data: dict[str, Any]) -> str:
    rejected = data.get("rejected")
    if isinstance(rejected, list) and rejected and isinstance(rejected[0], dict):
        return str(rejected[0].get("reason", ""))[:200]
    return ""


def _seconds(text: str) -> float:
    """`Retry-After` in seconds; 0 where it is missing or a date."""
    is_number = text.isascii() and text.isdigit() and len(text) < 7
    return min(float(text), _LONGEST_RETRY_AFTER_S) if is_number else 0.0
