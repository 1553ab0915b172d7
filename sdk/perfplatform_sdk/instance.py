"""Who speaks: one random id for each start and each fork, and where it runs."""

from __future__ import annotations

import os
import platform
import socket
import uuid

from .config import Config
from .table import transmissible

SDK_NAME = "perfplatform-sdk"
SDK_VERSION = "0.1.0"
SCHEMA = 1

_framework = ""


def name_framework(name: str) -> None:
    """Say what the app is made with, as `flask 3.1.3`; the last one named is sent."""
    global _framework
    _framework = transmissible(name, 64)


class Instance:
    """One life of a process, from `init()` or a fork on."""

    def __init__(self, config: Config) -> None:
        self.id = uuid.uuid4().hex
        self.pid = os.getpid()
        self._config = config

    def header(self) -> dict[str, object]:
        """The fields of a batch that say who sends it."""
        version = {"name": self._config.version, "commit": self._config.commit, "branch": self._config.branch}
        process: dict[str, object] = {
            "instance": self.id,
            "hostname": _hostname(),
            "pid": self.pid,
            "python": platform.python_version()[:32],
        }
        if _framework:
            process["framework"] = _framework
        return {
            "schema": SCHEMA,
            "sdk": {"name": SDK_NAME, "version": SDK_VERSION},
            "process": process,
            "environment": self._config.environment,
            "version": {name: value for name, value in version.items() if value},
        }


def _hostname() -> str:
    try:
        return transmissible(socket.gethostname(), 255)
    except (OSError, UnicodeError):
        return "unknown"
