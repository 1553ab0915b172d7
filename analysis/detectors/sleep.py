"""Sleeping while somebody waits for the answer.

Sees `time.sleep` under pyinstrument, and the sleeps of gevent, eventlet and of retrying libraries (urllib3,
tenacity, backoff) under the sampler as well, since these are Python. Can't see `time.sleep` under the
sampler, where it is the caller's own time (waiting.py then says that the CPU was idle). `asyncio.sleep` is
no fault here: others run meanwhile.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

SLEEPS: Final = Frames(
    {
        "<built-in>": ("sleep",),
        "gevent/hub.py": ("sleep",),
        "eventlet/greenthread.py": ("sleep",),
        "urllib3/util/retry.py": ("sleep", "_sleep_backoff"),
        "tenacity/nap.py": ("sleep",),
    }
)

DETECTOR: Final = CallDetector(
    "sleep",
    SLEEPS,
    "https://docs.celeryq.dev/en/stable/userguide/calling.html#eta-and-countdown",
    waits=True,
)
