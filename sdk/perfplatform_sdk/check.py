"""`perfplatform-run --check`: what the SDK finds where it is run, and whether the platform takes its data."""

from __future__ import annotations

import logging
import platform
import pprint
import time
from dataclasses import fields
from importlib import metadata
from typing import Any, TextIO

from . import client
from .batch import make_batch
from .call import profile
from .config import Config, read
from .delivery import ARRIVED, STOP, Delivery
from .instance import SDK_VERSION, Instance
from .remote import REMOTE, RemoteSettings

log = logging.getLogger("perfplatform_sdk")

_FRAMEWORKS = ("flask", "django", "fastapi", "starlette", "celery")
_ALWAYS_SHOWN = ("key", "url", "environment", "version", "engine")
_SECRETS = ("key", "proxy")
_SHOWN_OF_SECRETS = 10  # characters, as on the platform's pages
_NAME = "perfplatform-run --check"
_WORK_S = 0.3
_PATIENCE_S = 15.0


def check(out: TextIO) -> int:
    """Print what was found, a line each; 0 where a test profile has arrived, else 1."""
    loaded = read({})
    config = loaded.config
    print(f"perfplatform-sdk {SDK_VERSION} on Python {platform.python_version()}", file=out)
    print("Settings", file=out)
    for field in fields(Config):
        if field.name in loaded.sources or field.name in _ALWAYS_SHOWN:
            source = loaded.sources.get(field.name, "default")
            print(f"  {field.name}: {_shown(config, field.name)} ({source})", file=out)
    for line in loaded.wrong:
        print(f"  WRONG, left out: {line}", file=out)
    print(f"Frameworks: {', '.join(_frameworks()) or 'none of those that are instrumented'}", file=out)
    problem = _missing(config) or _try_key(config, out) or _send_profile(config, out)
    if problem:
        print(f"FAILED: {problem}", file=out)
        return 1
    print("All is well: requests will be recorded.", file=out)
    return 0


def _shown(config: Config, name: str) -> str:
    value = getattr(config, name)
    if name in _SECRETS and value:
        return f"{value[:_SHOWN_OF_SECRETS]}…"
    return ", ".join(value) if isinstance(value, tuple) else str(value) or "missing"


def _frameworks() -> list[str]:
    found = []
    for name in _FRAMEWORKS:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found


def _missing(config: Config) -> str:
    missing = [f"PERFPLATFORM_{name.upper()}" for name in ("key", "url") if not getattr(config, name)]
    if missing:
        return f"{' and '.join(missing)} must be set, or the same in perfplatform.yaml"
    return "" if config.enabled else "recording is switched off by the setting enabled"


def _try_key(config: Config, out: TextIO) -> str:
    """Send a batch with nothing in it, and ask for the platform's settings."""
    delivery = Delivery(config)
    try:
        batch = make_batch(Instance(config).header(), [], {}, made_at=time.monotonic())
        outcome = delivery.post(batch.body, within=_PATIENCE_S)
        if outcome.verdict == STOP:
            return f"{config.url} refuses the key ({outcome.reason})"
        if outcome.verdict != ARRIVED:
            return f"{config.url} does not take the data ({outcome.reason})"
        print(f"Platform: {config.url} answers, and the key is good", file=out)
        settings = RemoteSettings(config)
        settings.refresh(delivery.session)
    finally:
        delivery.close()
    for name in REMOTE:
        if getattr(settings.config, name) != getattr(config, name):
            print(f"  it sets {name}: {_shown(settings.config, name)}", file=out)
    return "" if settings.config.enabled else "recording is switched off on the platform"


def _send_profile(config: Config, out: TextIO) -> str:
    """Record a moment of this very program, whatever the settings say of routes and rates."""
    sent: list[str] = []

    def note(item: dict[str, Any]) -> dict[str, Any]:
        sent.append(item["id"])
        return item

    settings = {"engine": "sampler", "include": [], "exclude": [], "keep_first": 1, "remote_settings": False}
    log.disabled = True  # what is wrong with the settings was said already
    client.init({**settings, "flush_interval": 3600, "before_send": note})
    log.disabled = False
    with profile(_NAME):
        _work()
    arrived = client.shutdown(_PATIENCE_S)
    if not sent:
        return "nothing could be recorded in this Python"
    if not arrived:
        return f"the test profile did not arrive within {_PATIENCE_S:g} s"
    print(f"Test profile: {config.url}/profiles/{sent[0]}/", file=out)
    return ""


def _work() -> None:
    """Something with functions that a profile shows: those of the SDK are left out of it."""
    until = time.perf_counter() + _WORK_S
    while time.perf_counter() < until:
        pprint.pformat({number: [str(number)] * 10 for number in range(100)})
