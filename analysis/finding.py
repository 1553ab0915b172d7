"""What a detector found: its name and parameters. Words are put to it by analysis.explanations."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from profiles.calltree import Function, name_of


class Severity(StrEnum):
    """`INFO` says where time goes; only the others say that something is wrong."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The gravest first."""
        return [Severity.CRITICAL, Severity.WARNING, Severity.INFO].index(self)


class Confidence(StrEnum):
    """`HIGH`: counted, or seen in the frames themselves. `LOW`: concluded from what is not there."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`function` is the app's own function at fault, or the library's where no own code is above it.

    `node` is the heaviest node of it, -1 where it is not in the tree. `nodes` are those of the library's
    calls, the heaviest first. `time_us` and `samples` are of the whole tree, `share` of its time, and
    `saving_us` is the most that mending can bring.
    """

    detector: str
    severity: Severity
    confidence: Confidence
    function: Function
    node: int
    nodes: tuple[int, ...]
    call: str
    time_us: int
    share: float
    samples: int
    saving_us: int
    framework: str = ""
    orm: str = ""
    parameters: dict[str, int | float | str] = field(default_factory=dict)

    @property
    def function_name(self) -> str:
        return name_of(self.function)

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Sorts the gravest first, then by what mending can bring."""
        return self.severity.rank, -self.saving_us, self.detector, self.function_name
