"""A project of which something was measured, folded already."""

from __future__ import annotations

from datetime import datetime

from profiles.grain import MINUTE
from profiles.tests import ledgers
from profiles.tests.folding import Clock, Process, settle
from projects.models import Project

# What each version (and staging) took of every `/a`, in microseconds.
DURATIONS = {"1": [1_000, 2_000, 3_000], "2": [50_000] * 5, "staging": [900_000]}
# Minutes ago.
MINUTES = (1, 2, 3, 100)


def minute_before(clock: Clock, minutes: int) -> datetime:
    return clock.now.replace(second=0, microsecond=0) - minutes * MINUTE


def shop(project: Project, clock: Clock) -> list[Process]:
    """Two versions, the second in two environments too; each said the same of four minutes."""
    made = [
        Process(project, version="1"),
        Process(project, version="2"),
        Process(project, version="2", environment="staging"),
    ]
    for process, durations in zip(made, DURATIONS.values(), strict=True):
        for ago in MINUTES:
            process.send(
                ledgers.document(
                    minute_before(clock, ago),
                    ledgers.endpoint(
                        "/a",
                        durations=durations,
                        counters=[[6, 1, 7, 2, 30]],
                        stacks={"sampler": ledgers.stacks(10, 20)},
                    ),
                    ledgers.endpoint("/slow", durations=[10_000_000], errors=1),
                    ledgers.endpoint("mail.send", kind="task", method="", durations=[700]),
                )
            )
    began = clock.now
    settle(clock)
    clock.now = began
    return made
