"""Starting other programs and waiting for them.

Sees `subprocess` and what is built on it, `os.system`, `os.popen` and waiting for children. Can't see what
the other program did meanwhile.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

SUBPROCESSES: Final = Frames(
    {
        "subprocess.py": (
            "run",
            "call",
            "check_call",
            "check_output",
            "getoutput",
            "getstatusoutput",
            "Popen.__init__",
            "__init__",
            "communicate",
            "wait",
            "_wait",
            "_execute_child",
            "_communicate",
        ),
        "os.py": ("popen",),
        "<built-in>": ("system", "fork_exec", "waitpid", "posix_spawn"),
    }
)

DETECTOR: Final = CallDetector(
    "subprocess",
    SUBPROCESSES,
    "https://docs.celeryq.dev/en/stable/getting-started/first-steps-with-celery.html",
)
