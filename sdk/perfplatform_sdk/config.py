"""The settings: arguments of `init()`, else `PERFPLATFORM_*`, else a file, else the platform, else defaults.

A wrong value never raises: it is named in one warning, and the next best source is used. What the platform
says comes later and has its own module (remote.py).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from . import value, version
from .config_file import ConfigFile, read_file

log = logging.getLogger("perfplatform_sdk")

_MEGABYTE = 1024 * 1024

BeforeSend = Callable[[dict[str, Any]], Optional[dict[str, Any]]]


@dataclass(frozen=True)
class Config:
    """What the SDK does and where it sends to."""

    key: str = field(default="", repr=False)  # project key, ppk_...
    url: str = ""  # address of the platform, a path allowed, no slash at the end
    enabled: bool = True
    environment: str = "production"
    version: str = "unversioned"  # release of the app
    commit: str = ""
    branch: str = ""
    package: str = ""  # of the app, whose installed version names the release if nothing else does
    engine: str = "auto"  # or sampler, pyinstrument, or none: count and time, record no profiles
    interval: float = 0.001  # seconds between samples of pyinstrument
    sample_interval: float = 0.01  # seconds between samples of the sampler
    overhead_budget: float = 0.02  # share of one CPU
    slow_threshold: float = 2.0  # seconds from which a request is slow
    keep_first: int = 3  # requests of each endpoint that are kept whole at once
    keep_per_minute: int = 10  # random ones of an endpoint thereafter
    keep_slow_per_minute: int = 10
    keep_error_per_minute: int = 10
    include: tuple[str, ...] = ()  # route patterns; none: all
    exclude: tuple[str, ...] = ()
    counters: bool = True  # count and time database statements and outbound calls
    statement_shapes: bool = False  # send what statements look like, without their values
    trace_header: str = "traceparent"
    thread_pools: bool = False  # what a ThreadPoolExecutor does for a request belongs to it
    queue_items: int = 1_000  # profiles that wait to be sent
    queue_bytes: int = 10 * _MEGABYTE  # and their size
    ledger_minutes: int = 60  # that are kept while the platform is down
    ledger_bytes: int = 10 * _MEGABYTE
    flush_interval: float = 15.0  # seconds between sendings
    exit_timeout: float = 3.0  # seconds that the end of the process may be held up
    connect_timeout: float = 5.0  # seconds
    read_timeout: float = 15.0  # seconds
    proxy: str = field(default="", repr=False)  # empty: as requests finds it
    ca_bundle: str = ""  # file or folder of certificates; empty: as requests finds it
    remote_settings: bool = True  # ask the platform for what is not said here
    before_send: Optional[BeforeSend] = None  # sees each kept profile and may change or drop it
    # Names of those that an argument, a variable or the file has set: the platform doesn't change them.
    chosen: frozenset[str] = field(default=frozenset(), compare=False, repr=False)


class Loaded(NamedTuple):
    """The settings, where each comes from, and what was wrong."""

    config: Config
    sources: dict[str, str]  # of those that aren't defaults: argument, a variable, the file's name, git
    wrong: list[str]


class _Said(NamedTuple):
    """What one source says of a setting, before it is parsed."""

    source: str
    place: str  # how a warning calls it
    value: object


def load(arguments: Mapping[str, object]) -> Config:
    """The settings of this process. What is wrong stands in one warning."""
    loaded = read(arguments)
    if loaded.wrong:
        log.warning("perfplatform: wrong settings were left out: %s", "; ".join(loaded.wrong))
    return loaded.config


def read(
    arguments: Mapping[str, object], environ: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Loaded:
    """The settings from arguments that are not None, the environment, the file, and what git says."""
    environ = os.environ if environ is None else environ
    folder = _working_folder() if folder is None else folder
    named = arguments.get("config")
    file = read_file(environ.get("PERFPLATFORM_CONFIG") if named is None else named, folder)
    wrong = _unknown(arguments, file)
    found = {name: _best(name, _said(name, arguments, environ, file), wrong) for name in PARSERS}
    chosen = frozenset(name for name, best in found.items() if best is not None)
    package = found["package"]
    release = version.candidates(environ, folder, str(package.value) if package else "")
    for name, candidates in release.items():
        found[name] = found[name] or _best(
            name, (_Said(source, source, text) for source, text in candidates), wrong
        )
    good = {name: best for name, best in found.items() if best is not None}
    values: dict[str, Any] = {name: best.value for name, best in good.items()}
    sources = {name: best.source for name, best in good.items()}
    return Loaded(Config(**values, chosen=chosen), sources, [value.printable(line) for line in wrong])


def _said(
    name: str, arguments: Mapping[str, object], environ: Mapping[str, str], file: ConfigFile
) -> Iterator[_Said]:
    yield _Said("argument", name, arguments.get(name))
    if name not in _ARGUMENTS_ONLY:
        variable = f"PERFPLATFORM_{name.upper()}"
        yield _Said(variable, variable, environ.get(variable))
        yield _Said(file.name, f"{file.name}: {name}", file.values.get(name))


def _best(name: str, said: Iterable[_Said], wrong: list[str]) -> _Said | None:
    """The first good value, parsed; adds to `wrong` those before it."""
    for one in said:
        if one.value is None or (isinstance(one.value, str) and not one.value):
            continue
        try:
            return one._replace(value=PARSERS[name](one.value))
        except ValueError as error:
            wrong.append(f"{one.place}: {error}")
        except Exception as error:  # noqa: BLE001 - it may be an object of any kind
            wrong.append(f"{one.place}: can't be read ({type(error).__name__})")
    return None


def _unknown(arguments: Mapping[str, object], file: ConfigFile) -> list[str]:
    """What is no setting. Of variables nothing is said: Kubernetes makes some for a service of our name."""
    known = {*PARSERS, "config"}
    in_files = {*PARSERS} - _ARGUMENTS_ONLY
    return [
        *([file.wrong] if file.wrong else []),
        *(f"{name}: no such setting" for name in arguments if name not in known),
        *(f"{file.name}: {name[:60]}: no such setting" for name in file.values if name not in in_files),
    ]


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path(os.sep)


PARSERS: dict[str, value.Parser] = {
    "key": value.key,
    "url": value.url,
    "enabled": value.switch,
    "environment": value.text(64),
    "version": value.text(128),
    "commit": value.text(64),
    "branch": value.text(255),
    "package": value.text(128),
    "engine": value.choice("auto", "sampler", "pyinstrument", "none"),
    "interval": value.number(0.0001, 1.0),
    "sample_interval": value.number(0.001, 1.0),
    "overhead_budget": value.number(0.0, 64.0),
    "slow_threshold": value.number(0.001, 3600.0),
    "keep_first": value.whole(0, 1_000),
    "keep_per_minute": value.whole(0, 1_000),
    "keep_slow_per_minute": value.whole(0, 1_000),
    "keep_error_per_minute": value.whole(0, 1_000),
    "include": value.patterns,
    "exclude": value.patterns,
    "counters": value.switch,
    "statement_shapes": value.switch,
    "trace_header": value.header,
    "thread_pools": value.switch,
    "queue_items": value.whole(1, 100_000),
    "queue_bytes": value.whole(64 * 1024, 1024 * _MEGABYTE),
    "ledger_minutes": value.whole(1, 300),  # the platform takes nothing older than 6 hours
    "ledger_bytes": value.whole(64 * 1024, 1024 * _MEGABYTE),
    "flush_interval": value.number(0.05, 3600.0),
    "exit_timeout": value.number(0.0, 60.0),
    "connect_timeout": value.number(0.05, 300.0),
    "read_timeout": value.number(0.05, 300.0),
    "proxy": value.proxy,
    "ca_bundle": value.existing_path,
    "remote_settings": value.switch,
    "before_send": value.hook,
}

_ARGUMENTS_ONLY = {"before_send"}
