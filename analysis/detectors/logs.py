"""Writing much to a log.

Sees `logging` from the moment a record is made, structlog and loguru. A level that is off is not told. Can't
see `print` (files.py tells of what it writes).
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

LOGGING: Final = Frames(
    {
        "logging/__init__.py": ("_log", "handle", "emit", "makeRecord", "callHandlers", "format"),
        "logging/handlers.py": (),
        "structlog/_base.py": ("_proxy_to_logger",),
        "loguru/_logger.py": ("_log",),
    }
)

DETECTOR: Final = CallDetector(
    "logging",
    LOGGING,
    "https://docs.python.org/3/howto/logging.html#optimization",
    saving=0.95,
)
