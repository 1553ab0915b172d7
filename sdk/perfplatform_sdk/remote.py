"""Settings that the platform gives, for what nobody has set here. docs/wire.md, section 6.

Asked for by the sending thread, at most once a minute. A platform that can't be reached, or answers nonsense,
changes nothing: what it said last stays in force.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from . import value
from .config import PARSERS, Config
from .delivery import read_body
from .keeping import Order

if TYPE_CHECKING:
    import requests

log = logging.getLogger("perfplatform_sdk")

REMOTE = (
    "enabled",
    "engine",
    "sample_interval",
    "keep_per_minute",
    "keep_slow_per_minute",
    "keep_error_per_minute",
    "slow_threshold",
    "overhead_budget",
    "include",
    "exclude",
)

_EVERY_S = 60.0
_SPREAD_S = 10.0  # so that processes which began together don't ask together
_LONGEST_ANSWER_S = 30.0
_MOST_ORDERS = 100
_order_text = value.text(512)
_order_count = value.whole(1, 100)


class Fetched(NamedTuple):
    """What the platform said, and the mark of it by which it can say that nothing has changed."""

    etag: str
    payload: dict[str, Any]


class Payload(NamedTuple):
    """An answer, read: `values` by setting, None where the platform leaves it to the SDK."""

    values: dict[str, Any]
    orders: tuple[Order, ...]
    wrong: dict[str, str]  # setting -> what is wrong with it


class RemoteSettings:
    """The settings in force in this process, and which recordings were asked for. Refreshed by one thread."""

    def __init__(self, config: Config) -> None:
        self.local = config  # without what the platform says, as a fork must begin
        self.config = config
        self.orders: tuple[Order, ...] = ()
        self._values: dict[str, Any] = {}
        self._etag = ""
        self._ask_at = 0.0
        self._said: set[str] = set()

    def refresh(self, session: requests.Session) -> bool:
        """Ask if it is time to. True where `config` or `orders` have changed."""
        now = time.monotonic()
        if not self.local.remote_settings or now < self._ask_at:
            return False
        self._ask_at = now + _EVERY_S + random.uniform(0.0, _SPREAD_S)  # noqa: S311
        fetched = fetch(session, self.local, self._etag)
        if fetched is None:
            return False
        payload = read_payload(fetched.payload)
        self._warn(payload.wrong)
        # Of a wrong value, the last good one stays.
        kept = {name: self._values[name] for name in payload.wrong if name in self._values}
        before = self.config, self.orders
        self._etag, self._values = fetched.etag, {**payload.values, **kept}
        self.orders = self.orders if "requests" in payload.wrong else payload.orders
        self.config = apply(self.local, self._values)
        return before != (self.config, self.orders)

    def _warn(self, wrong: Mapping[str, str]) -> None:
        lines = {value.printable(f"{name}: {what}") for name, what in wrong.items()} - self._said
        if lines:
            self._said |= lines
            log.warning("perfplatform: the platform's settings are wrong: %s", "; ".join(sorted(lines)))


def fetch(session: requests.Session, config: Config, etag: str) -> Optional[Fetched]:
    """Ask the platform, by a session that holds the key (`delivery.connect`).

    None where it has nothing new to say, or nothing that can be understood.
    """
    try:
        with session.get(
            f"{config.url}/api/v1/sdk-config/",
            headers={"If-None-Match": etag} if etag else {},
            timeout=(config.connect_timeout, config.read_timeout),
            allow_redirects=False,  # the key goes to the configured address only
            stream=True,
        ) as answer:
            if answer.status_code != 200:
                return None
            envelope = json.loads(read_body(answer, _LONGEST_ANSWER_S))
            new_etag = answer.headers.get("ETag", "")
    except Exception:  # noqa: BLE001 - requests lets through what those below it raise
        return None
    data = envelope.get("data") if isinstance(envelope, dict) else None
    return Fetched(new_etag, data) if isinstance(data, dict) else None


def apply(config: Config, values: Mapping[str, Any]) -> Config:
    """The settings with those of the platform, where neither code, a variable nor the file has set one."""
    free = {name: said for name, said in values.items() if said is not None and name not in config.chosen}
    return replace(config, **free)


def read_payload(payload: Mapping[str, Any]) -> Payload:
    """What an answer says. Fields that are not known here are of a newer platform."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name in REMOTE:
        try:
            said = payload.get(name)
            values[name] = None if said is None else PARSERS[name](said)
        except ValueError as error:
            wrong[name] = str(error)
    orders: tuple[Order, ...] = ()
    try:
        orders = _orders(payload.get("requests") or [])
    except (ValueError, TypeError, KeyError) as error:
        wrong["requests"] = f"{type(error).__name__}: {value.shown(str(error))}"
    return Payload(values, orders, wrong)


def _orders(said: Any) -> tuple[Order, ...]:
    if not isinstance(said, list):
        raise ValueError(f"{value.shown(said)} is not a list")
    return tuple(
        Order(
            id=_order_text(one["id"]),
            method=_order_text(one["method"]) if one["method"] else "",
            name=_order_text(one["route"]),
            number=_order_count(one["count"]),
            until=_seconds(one["until"]),
        )
        for one in said[:_MOST_ORDERS]
    )


def _seconds(said: object) -> float:
    """Seconds since 1970 of a time as the wire format writes it."""
    time_text = _order_text(said)
    if not time_text.endswith("Z"):
        raise ValueError(f"{value.shown(time_text)} is not a time in UTC")
    return datetime.fromisoformat(time_text[:-1]).replace(tzinfo=timezone.utc).timestamp()
