"""Types that carry the bounds of docs/wire.md; msgspec checks them while it parses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta

LARGEST_INTEGER: Final = 2**53 - 1
# What MongoDB holds; sums of absurd numbers are cut to it.
LARGEST_STORED: Final = 2**63 - 1
DAY_SECONDS: Final = 86_400
# The first second of the last day of the year 9999: beyond it, time zones leave what calendars can show.
LARGEST_TIMESTAMP: Final = 253_402_214_400
LARGEST_BUCKET: Final = 1300

LARGEST_COLUMN: Final = 500_000
DEEPEST_STACK: Final = 5_000
MOST_STACK_FRAMES: Final = 2_000_000

ACCEPT_LATE: Final = timedelta(hours=6)
ACCEPT_EARLY: Final = timedelta(minutes=5)

Count = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Positive = Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)]
Integer = Annotated[int, Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
Number = Annotated[int, Meta(ge=0, lt=LARGEST_COLUMN)]
NumberOrNone = Annotated[int, Meta(ge=-1, lt=LARGEST_COLUMN)]
DayMicroseconds = Annotated[int, Meta(ge=0, le=DAY_SECONDS * 1_000_000)]
Seconds = Annotated[float, Meta(ge=0, le=DAY_SECONDS)]
CpuSeconds = Annotated[float, Meta(ge=0, le=DAY_SECONDS * 1_000)]
Timestamp = Annotated[float, Meta(ge=0, le=LARGEST_TIMESTAMP)]
Instant = Annotated[datetime, Meta(tz=True)]

Id = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Text = Annotated[str, Meta(max_length=4096)]
# A name inside a document of MongoDB, which takes no NUL there.
Key = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[^\x00]*\Z")]
Kind = Literal["request", "task", "call"]
Endpoint = Annotated[str, Meta(min_length=1, max_length=512)]
Method = Annotated[str, Meta(max_length=16)]
Fingerprint = Annotated[str, Meta(max_length=512)]
