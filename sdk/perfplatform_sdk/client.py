"""The one client of this process: what `init()` makes, and what is left of it after a fork and at the end."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Mapping

from .batch import Profile
from .config import Config, load
from .drops import Drops
from .instance import Instance
from .keeping import Keeping
from .ledger import Event, Ledger
from .transport import Flush, Transport

log = logging.getLogger("perfplatform_sdk")


class Client:
    """All the state of one instance: a fork gets a new one."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.instance = Instance(config)
        self.drops = Drops()
        self.ledger = Ledger(self.drops)
        self.keeping = Keeping(config.overhead_budget)
        self.transport = Transport(config, self.instance, self.ledger, self.drops)
        self.slow_us = round(config.slow_threshold * 1e6)

    def count(self, event: Event) -> None:
        self.ledger.add(event)
        self.transport.start()

    def keep(self, profile: Profile) -> None:
        self.transport.put(profile)


_client: Client | None = None
_retiring: list[Flush] = []  # of clients that were replaced
_told = False  # whether init() was called, or that it was not was said


def current() -> Client | None:
    """The client to record with; None before `init()`, when switched off, and after the key was refused."""
    client = _client
    return None if client is None or client.transport.stopped else client


def remind() -> None:
    """Say once that `init()` was forgotten."""
    global _told
    if not _told:
        _told = True
        log.warning("perfplatform: nothing is recorded, for perfplatform_sdk.init() was not called")


def init(arguments: Mapping[str, object]) -> None:
    """Begin to record, in the place of any client there was. Raises nothing that a setting causes."""
    global _client, _told
    _told = True
    former, _client = _client, None
    if former is not None:
        _retiring.append(former.transport.retire())
    config = load(arguments)
    if not config.enabled:
        return
    missing = [name for name in ("key", "url") if not getattr(config, name)]
    if missing:
        names = " and ".join(f"{name} (or PERFPLATFORM_{name.upper()})" for name in missing)
        log.warning("perfplatform: nothing is recorded, for init() lacks %s", names)
        return
    _client = Client(config)


def flush(timeout: float) -> bool:
    """Send what was recorded so far; True where all of it arrived within `timeout` seconds."""
    client = current()
    return client is not None and client.transport.flush(timeout)


def shutdown(timeout: float | None = None) -> bool:
    """Send what is left and stop to record; True where all arrived within `timeout` seconds."""
    global _client
    client, _client = _client, None
    if client is None:
        return False
    return client.transport.close(client.config.exit_timeout if timeout is None else timeout)


def _end() -> None:
    """The interpreter ends: send what is left."""
    shutdown()
    for call in _retiring:
        call.done.wait(max(0.0, call.remaining()))


def _renew_after_fork() -> None:
    """The child starts empty, under an id of its own: what the parent holds, the parent sends."""
    global _client
    _retiring.clear()
    if _client is not None:
        _client = None if _client.transport.stopped else Client(_client.config)


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
