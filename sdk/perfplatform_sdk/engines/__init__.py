"""Ways to find out where the time of a request goes."""

from __future__ import annotations

from typing import Any, Protocol


class Recording(Protocol):
    """Samples of one request, taken between `resume()` and `pause()`, which one thread calls in pairs."""

    weight: int  # frames in all samples, at about 8 bytes each
    complete: bool  # False where samples of a stretch are missing
    cpu_us: int  # CPU time of the recorded thread
    process_cpu: float  # CPU seconds of all threads meanwhile

    @property
    def interval_us(self) -> int:
        """Microseconds between samples."""

    def resume(self) -> bool:
        """Start to record in this thread; False where that could harm the app."""

    def pause(self) -> None:
        """Stop to record; does nothing when not recording."""

    def session(self, description: str) -> dict[str, Any]:
        """The recording as pyinstrument's `Session.to_json()` gives it."""
