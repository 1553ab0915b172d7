"""One POST to the platform, and what its answer means. docs/wire.md, section 4."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from .config import Config
from .green import may_become_green
from .instance import SDK_NAME, SDK_VERSION

if TYPE_CHECKING:
    import requests

_LONGEST_ANSWER_S = 30.0
_LONGEST_ANSWER_BYTES = 256 * 1024
_LONGEST_RETRY_AFTER_S = 600.0
_SHORTEST_WAIT_S = 0.05

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

    def __init__(self, config: Config) -> None:
        self._config = config
        self._address = f"{config.url}/api/v1/ingest/"
        # Not later, in the thread: a fork while requests is imported would leave the child modules that are
        # locked for ever. But gevent wants to patch what it is made of first.
        self._session = None if may_become_green() else connect(config)

    @property
    def session(self) -> requests.Session:
        if self._session is None:
            self._session = connect(self._config)
        return self._session

    def post(self, body: bytes, *, within: float = _LONGEST_ANSWER_S) -> Outcome:
        """Send a gzipped batch; `within` bounds each wait, in seconds. A network that fails is an `AGAIN`."""
        limits = (self._config.connect_timeout, self._config.read_timeout)
        connecting, reading = (max(_SHORTEST_WAIT_S, min(limit, within)) for limit in limits)
        try:
            with self.session.post(
                self._address,
                data=body,
                headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
                timeout=(connecting, reading),
                allow_redirects=False,  # the key goes to the configured address only
                stream=True,
            ) as answer:
                retry_after = answer.headers.get("Retry-After", "")
                return read_answer(answer.status_code, retry_after, read_body(answer, within))
        except Exception as error:  # noqa: BLE001 - requests lets through what those below it raise
            return Outcome(AGAIN, reason=f"no answer ({type(error).__name__})")

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


def connect(config: Config) -> requests.Session:
    """A session with the key, the proxy and the certificates of the settings, else of the environment."""
    import requests  # not with this module: an app that is only to be looked at need not wait for it

    session = requests.Session()
    # The environment is read here and once: requests would let it go before the settings, and would send the
    # password that ~/.netrc has for the host in the place of the key.
    session.trust_env = False
    session.proxies = {"http": config.proxy, "https": config.proxy}
    if not config.proxy:
        session.proxies = requests.utils.get_environ_proxies(config.url)
    certificates = (config.ca_bundle, os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("CURL_CA_BUNDLE"))
    session.verify = next(filter(None, certificates), True)
    session.headers["Authorization"] = f"Bearer {config.key}"
    session.headers["User-Agent"] = f"{SDK_NAME}/{SDK_VERSION}"
    return session


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
    if status in (400, 411, 413, 415, 422):
        return Outcome(REFUSED, reason=_first_reason(_data(body) or {}) or reason)
    # 429, 5xx. Redirects, 404 and the like come from what stands before the platform and may be mended.
    return Outcome(AGAIN, retry_after=_seconds(retry_after), reason=reason)


def read_body(answer: requests.Response, within: float) -> bytes:
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


def _seconds(retry_after: str) -> float:
    """`Retry-After`, a number of seconds or a date, in seconds; 0 where it is neither."""
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        seconds = float(retry_after)
    else:
        try:
            date = parsedate_to_datetime(retry_after)
            zone = date.tzinfo or timezone.utc
            seconds = (date.replace(tzinfo=zone) - datetime.now(timezone.utc)).total_seconds()
        except (ValueError, TypeError, IndexError, OverflowError):
            return 0.0
    return max(0.0, min(seconds, _LONGEST_RETRY_AFTER_S))
