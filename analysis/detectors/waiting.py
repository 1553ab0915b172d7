"""Wall time far above CPU time, for no reason that the other detectors have seen.

Sees that the thread did not compute, from the CPU time of a recording. What it waited for it can't say: a
lock taken by `with`, a read from a pipe or a socket, a slow disk, or a machine that was too busy to let it
run. So it never warns. Merged trees have no CPU time, and nothing is told of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from analysis.detectors.detector import Thresholds, tell
from analysis.evidence import Evidence, Frames, Group
from analysis.finding import Confidence, Finding, Severity

# What may wait in C.
MAY_WAIT: Final = Frames(
    {
        "<built-in>": (
            "read",
            "readv",
            "select",
            "poll",
            "poll.poll",
            "epoll.poll",
            "socket.recv",
            "socket.recv_into",
            "socket.accept",
            "socket.connect",
            "socket.sendall",
            "sendall",
            "recv",
            "waitpid",
            "input",
            "BufferedReader.read",
            "BufferedReader.readline",
            "FileIO.read",
        ),
        "selectors.py": ("select",),
        "socket.py": ("readinto", "accept", "create_connection"),
    }
)
THRESHOLDS: Final = Thresholds(told=0.1, warning=None, critical=None)


@dataclass(frozen=True)
class Waiting:
    """Where nothing that may wait was seen, `least_unseen` of the time must be left unexplained."""

    name: str = "wall_above_cpu"
    fix_url: str = "https://docs.python.org/3/library/time.html#time.thread_time"
    thresholds: Thresholds = THRESHOLDS
    least_unseen: float = 0.3

    def detect(self, evidence: Evidence) -> list[Finding]:
        unexplained_us = evidence.idle_us - evidence.taken_us
        if unexplained_us < self.thresholds.told * evidence.whole_us:
            return []
        group = self._waiting(evidence) or self._unseen(evidence, unexplained_us)
        if group is None or not evidence.is_enough(group, self.thresholds.samples):
            return []
        time_us = min(unexplained_us, group.time_us)
        return [
            tell(
                evidence,
                self.name,
                replace(group, time_us=time_us),
                severity=Severity.INFO,
                confidence=Confidence.LOW,
                saving_us=time_us,
                parameters={"idle_us": unexplained_us},
            )
        ]

    def _waiting(self, evidence: Evidence) -> Group | None:
        """The function that spends most in what may wait."""
        least_us = self.thresholds.told * evidence.whole_us / 2
        groups = [group for group in evidence.groups(MAY_WAIT) if group.time_us >= least_us]
        return max(groups, key=lambda group: group.time_us, default=None)

    def _unseen(self, evidence: Evidence, unexplained_us: int) -> Group | None:
        """The function with the most time that is left."""
        if unexplained_us < self.least_unseen * evidence.whole_us:
            return None
        return max(evidence.remains(), key=lambda group: group.time_us, default=None)


DETECTOR: Final = Waiting()
