"""The settings: arguments of `init()`, else environment variables `PERFPLATFORM_*`, else defaults.

A wrong value never raises: it is named in one warning, and the next best source is used.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Callable
from urllib.parse import urlsplit

log = logging.getLogger("perfplatform_sdk")

_MEGABYTE = 1024 * 1024
_KEY = re.compile(r"ppk_[!-~]{1,252}")


@dataclass(frozen=True)
class Config:
    """What the SDK does and where it sends to."""

    key: str = ""  # project key, ppk_...
    url: str = ""  # address of the platform, a path allowed, no slash at the end
    enabled: bool = True
    environment: str = "production"
    version: str = "unversioned"  # release of the app
    commit: str = ""
    branch: str = ""
    engine: str = "pyinstrument"  # or "none": count and time, record no profiles
    interval: float = 0.001  # seconds between samples
    slow_threshold: float = 2.0  # seconds from which a request is slow
    overhead_budget: float = 0.05  # share of one CPU that recording for slow and failed requests may take
    flush_interval: float = 15.0  # seconds between sendings
    exit_timeout: float = 3.0  # seconds that the end of the process may be held up
    queue_items: int = 1_000  # profiles that wait to be sent
    queue_bytes: int = 10 * _MEGABYTE  # and their size


def load(arguments: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Config:
    """The settings from the arguments that are not None, the environment and the defaults."""
    environ = os.environ if environ is None else environ
    wrong = [f"{name}: no such setting" for name in arguments if name not in _PARSERS]
    values: dict[str, Any] = {}
    for field in fields(Config):
        sources = [(field.name, arguments.get(field.name)), *_from_environment(field.name, environ)]
        for source, value in sources:
            if value is None or value == "":
                continue
            try:
                values[field.name] = _PARSERS[field.name](value)
                break
            except (ValueError, TypeError) as error:
                wrong.append(f"{source}: {error}")
    config = Config(**values)
    if wrong:
        log.warning("perfplatform: wrong settings were left out: %s", "; ".join(wrong))
    return config


def _from_environment(name: str, environ: Mapping[str, str]) -> list[tuple[str, str | None]]:
    variables = (f"PERFPLATFORM_{name.upper()}", *_ALSO.get(name, ()))
    return [(variable, environ.get(variable)) for variable in variables]


def _text(longest: int) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not a string")
        if len(value) > longest or not value.isprintable() or not value.strip():
            raise ValueError(f"must be 1 to {longest} printable characters")
        return value.strip()

    return parse


def _number(least: float, most: float) -> Callable[[object], float]:
    def parse(value: object) -> float:
        try:
            number = float(value)  # type: ignore[arg-type]
        except (ValueError, TypeError):
            raise ValueError(f"{value!r} is not a number") from None
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError(f"{value!r} is not between {least:g} and {most:g}")
        return number

    return parse


def _whole(least: int, most: int) -> Callable[[object], int]:
    number = _number(least, most)
    return lambda value: int(number(value))


def _switch(value: object) -> bool:
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{value!r} is neither yes nor no")


def _key(value: object) -> str:
    # The value is not named: it may be a secret of another kind.
    key = value.strip() if isinstance(value, str) else ""
    if _KEY.fullmatch(key) is None:
        raise ValueError("is not a project key (ppk_...)")
    return key


def _url(value: object) -> str:
    parts = urlsplit(value.strip() if isinstance(value, str) and value.isprintable() else "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an address that begins with http:// or https://")
    _ = parts.port  # a ValueError where it is no number
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _engine(value: object) -> str:
    if value not in ("pyinstrument", "none"):
        raise ValueError(f"{value!r} is neither pyinstrument nor none")
    return str(value)


_PARSERS: dict[str, Callable[[object], object]] = {
    "key": _key,
    "url": _url,
    "enabled": _switch,
    "environment": _text(64),
    "version": _text(128),
    "commit": _text(64),
    "branch": _text(255),
    "engine": _engine,
    "interval": _number(0.0001, 1.0),
    "slow_threshold": _number(0.001, 3600.0),
    "overhead_budget": _number(0.0, 64.0),
    "flush_interval": _number(0.05, 3600.0),
    "exit_timeout": _number(0.0, 60.0),
    "queue_items": _whole(1, 100_000),
    "queue_bytes": _whole(64 * 1024, 1024 * _MEGABYTE),
}

_ALSO = {
    "version": ("CI_COMMIT_TAG", "CI_COMMIT_SHA", "GIT_COMMIT"),
    "commit": ("CI_COMMIT_SHA", "GIT_COMMIT"),
    "branch": ("CI_COMMIT_BRANCH", "GIT_BRANCH"),
}
