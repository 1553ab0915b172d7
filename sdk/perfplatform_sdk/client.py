"""The one client of this process: what `init()` makes, and what is left of it after a fork and at the end."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Callable, NamedTuple

from .batch import Profile
from .config import Config, load
from .coverage import Coverage
from .drops import Drops
from .engines import collector
from .engines.sampler import Sampler
from .green import is_green
from .instance import Instance
from .keeping import SAMPLED, Endpoint, Keeping
from .ledger import Event, Ledger, named
from .remote import RemoteSettings
from .transport import Flush, Transport

if TYPE_CHECKING:
    import requests

log = logging.getLogger("perfplatform_sdk")

# Up to 3.10 pyinstrument can abort the process where code recurses to the limit.
PRECISE = sys.version_info >= (3, 11)
_MAX_KNOWN = 4_096  # endpoints; an app may make up names of calls
THREADS_DO_NOT_PAY = sys.version_info[:2] == (3, 11)


class Known(NamedTuple):
    """What a client knows of an endpoint: looked up once a request."""

    endpoint: Endpoint
    is_left_out: bool
    tally: Callable[[int, int], None]  # an event of so many microseconds in this minute, with no more to tell


class Client:
    """All the state of one instance: a fork gets a new one."""

    def __init__(self, config: Config) -> None:
        self.instance = Instance(config)
        self.drops = Drops()
        self.ledger = Ledger(self.drops, config.ledger_minutes, config.ledger_bytes)
        self.keeping = Keeping(config)
        self.transport = Transport(config, self.instance, self.ledger, self.drops)
        self.transport.refresh = self.refresh
        self.transport.sampling_us = self.sampling_us
        self.sampler = make_sampler(config)
        self.remote = RemoteSettings(config)
        self.apply(config)

    def apply(self, config: Config) -> None:
        """Record by these settings from now on. Records that are under way end as they began."""
        self.config = config
        self.paused = not config.enabled  # by the platform: whoever switches it off here has no client
        self.slow_us = round(config.slow_threshold * 1e6)
        self._leaves_out = Coverage(config.include, config.exclude).leaves_out
        self.engine = "none" if self.sampler is None else "sampler"  # of what pyinstrument does not record
        self.known: dict[tuple[str, str, str], Known] = {}

    def refresh(self, session: requests.Session) -> None:
        """Do what the platform says, if it says anything new. Called by the sending thread."""
        if not self.remote.refresh(session):
            return
        former, config = self.config, self.remote.config
        sampling = ("engine", "sample_interval", "overhead_budget", "enabled")
        if any(getattr(former, name) != getattr(config, name) for name in sampling):
            if self.sampler is not None:
                self.sampler.end()
            self.sampler = make_sampler(config) if config.enabled else None
        self.keeping.change(config)
        self.keeping.order(self.remote.orders)
        self.apply(config)

    def sampling_us(self) -> int:
        """CPU time that the sampler has taken so far."""
        return 0 if self.sampler is None else self.sampler.spent_us

    def count(self, event: Event) -> None:
        self.ledger.add(event)
        self.transport.start()

    def learn(self, kind: str, method: str, route: str) -> Known:
        """What is known of an endpoint from now on."""
        endpoint = named(kind, method, route)
        known = Known(endpoint, self._leaves_out(endpoint), self.ledger.counter(endpoint, self.engine))
        if len(self.known) < _MAX_KNOWN:
            self.known[(kind, method, route)] = known
        self.transport.start()
        return known

    def keep(self, profile: Profile) -> None:
        self.transport.put(profile)

    def may_be_precise(self, task: object) -> bool:
        """Whether pyinstrument may record a request without harm to others."""
        if task is not None or not PRECISE or self.sampler is None:
            return False
        # Others in the process pay for the profiler, except for threads on 3.11.
        return (self.sampler.most <= 1 or THREADS_DO_NOT_PAY) and self.keeping.may_slow()

    def is_unbiased(self, trigger: str | None) -> bool:
        """Whether what pyinstrument recorded is a random share of all requests."""
        return self.config.engine == "pyinstrument" or trigger == SAMPLED


def make_sampler(config: Config) -> Sampler | None:
    """The sampler of a process; None where it is not wanted, and where stacks can't be read from outside."""
    if config.engine not in ("auto", "sampler") or is_green() or sys.implementation.name != "cpython":
        return None
    return Sampler(config.sample_interval, config.overhead_budget)


_client: Client | None = None
_retiring: list[Flush] = []  # of clients that were replaced
_begun = False  # whether init() was called
_told = False  # whether init() was called, or that it was not was said


def current() -> Client | None:
    """The client to record with; None before `init()`, while switched off, and after the key was refused."""
    client = _client
    return None if client is None or client.paused or client.transport.stopped else client


def was_begun() -> bool:
    """Whether `init()` was called, whatever came of it."""
    return _begun


def remind() -> None:
    """Say once that `init()` was forgotten."""
    global _told
    if not _told:
        _told = True
        log.warning("perfplatform: nothing is recorded, for perfplatform_sdk.init() was not called")


def init(arguments: Mapping[str, object]) -> None:
    """Begin to record, in the place of any client there was. Raises nothing that a setting causes."""
    global _begun, _client, _told
    _begun = _told = True
    former, _client = _client, None
    if former is not None:
        if former.sampler is not None:
            former.sampler.end()
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
    client = _client
    return client is not None and client.transport.flush(timeout)


def shutdown(timeout: float | None = None) -> bool:
    """Send what is left and stop to record; True where all arrived within `timeout` seconds."""
    global _client
    client, _client = _client, None
    if client is None:
        return False
    if client.sampler is not None:
        client.sampler.end()
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
    collector.restore()
    if _client is not None:
        if _client.sampler is not None:
            _client.sampler.restore_switch_interval()
        _client = None if _client.transport.stopped else Client(_client.remote.local)


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
