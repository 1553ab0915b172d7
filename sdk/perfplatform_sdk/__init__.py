"""Records how the functions of an application spend their time, and hands it to perfplatform.

import perfplatform_sdk
perfplatform_sdk.init(key="ppk_...", url="https://perf.example.com")
"""

from __future__ import annotations

from . import client as _client
from . import hooks as _hooks
from .call import profile
from .instance import SDK_VERSION
from .tags import set_tag

__version__ = SDK_VERSION

__all__ = ["__version__", "flush", "init", "profile", "set_tag", "shutdown"]


def init(**settings: object) -> None:
    """Begin to record. Settings: `key`, `url`, `environment`, `version` and the others in the README.

    Missing ones are taken from `PERFPLATFORM_*` environment variables, wrong ones are named in one warning.
    Without a key and an address nothing is recorded. A second call replaces the first.
    """
    _client.init(settings)
    client = _client.current()
    if client is not None and client.config.counters:
        _hooks.install(statement_shapes=client.config.statement_shapes)
    else:
        _hooks.uninstall()


def flush(timeout: float = 5.0) -> bool:
    """Send what was recorded so far; True where all of it arrived within `timeout` seconds."""
    return _client.flush(timeout)


def shutdown(timeout: float | None = None) -> bool:
    """Send what is left, at most `timeout` seconds long (`exit_timeout`), and record nothing more."""
    return _client.shutdown(timeout)
