"""Ways to find out where the time of a request goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from .naming import Key


class Recording(Protocol):
    """The samples of one request, read on the sending thread after its end."""

    weight: int  # frames in all samples, at about 8 bytes each
    complete: bool  # False where samples of a stretch are missing
    cpu_us: int  # CPU time of the recorded thread
    process_cpu: float  # CPU seconds of all threads meanwhile

    def __len__(self) -> int:
        """Number of samples."""

    @property
    def interval_us(self) -> int:
        """Microseconds between samples."""

    def stacks(self) -> Iterator[tuple[list[Key], int]]:
        """Functions from the outermost in, and the microseconds that the sample stands for."""

    def session(self, description: str) -> dict[str, Any]:
        """The recording as pyinstrument's `Session.to_json()` gives it."""
