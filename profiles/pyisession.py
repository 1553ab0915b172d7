"""Files that pyinstrument saved (`.pyisession`), of versions 4 and 5, as recordings of ours.

They are JSON of `Session.to_json()`. 4.0 to 4.5 have `program` instead of `target_description`; 4 has neither
`min_interval`, `max_interval`, `sys_path` nor `sys_prefixes`, and `cpu_time` may be null.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from profiles import bounds, recording
from profiles.body import LARGEST_PLAIN_BYTES
from profiles.bounds import Count, CpuSeconds, Seconds, Text
from profiles.recording import Plain, Stack, Table
from profiles.session_table import table_from_session

LARGEST_FILE_BYTES: Final = LARGEST_PLAIN_BYTES
# What pyinstrument takes where nothing else is said.
DEFAULT_INTERVAL_S: Final = 0.001
# Nobody profiled with pyinstrument before the year 2000: the clock was not set.
EARLIEST_START_S: Final = 946_684_800
# A stack of one frame that stands for the thread; pyinstrument needs one.
NO_START: Final = ("<thread>\x00\x000",)
LONGEST_TARGET: Final = 4_096


class Problem(StrEnum):
    """Why a file can't be taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_A_NUMBER = "not_a_number"
    NOT_UNICODE = "not_unicode"
    NOT_A_SESSION = "not_a_session"
    DAMAGED = "damaged"
    NEGATIVE = "negative"
    TOO_LONG = "too_long"
    TOO_DEEP = "too_deep"
    TOO_MANY_SAMPLES = "too_many_samples"
    NAME_TOO_LONG = "name_too_long"
    START_UNKNOWN = "start_unknown"
    START_IN_FUTURE = "start_in_future"


class UnusableFile(ValueError):
    """`field` names the place in the file, where there is one."""

    def __init__(self, problem: Problem, field: str = "") -> None:
        super().__init__(f"{problem}: {field}" if field else str(problem))
        self.problem = problem
        self.field = field


class Saved(NamedTuple):
    """A file that was read. `written_by` is the major version of pyinstrument, told by the fields."""

    table: Table
    written_by: str


class _File(msgspec.Struct, kw_only=True, gc=False):
    start_time: float
    duration: Seconds
    sample_count: Count
    start_call_stack: Stack
    frame_records: Annotated[list[tuple[Stack, Seconds]], recording.Column]
    cpu_time: CpuSeconds | None = None
    target_description: str | UnsetType = UNSET
    program: str | UnsetType = UNSET
    min_interval: Seconds | UnsetType = UNSET
    max_interval: Seconds | UnsetType = UNSET
    sys_path: Annotated[list[Text], Meta(max_length=1_000)] | UnsetType = UNSET
    sys_prefixes: Annotated[list[Text], Meta(max_length=16)] | UnsetType = UNSET


_files: Final = msgspec.json.Decoder(_File)
_NAN: Final = re.compile(rb"[\[,:\s]-?(?:NaN|Infinity)\s*[\],}]")
# How msgspec's sentence ends for a bound that is not kept -> what that means here.
_BOUNDS: Final = (
    (">= 0.0", Problem.NEGATIVE),
    (">= 0", Problem.NEGATIVE),
    ("out of range", Problem.NOT_A_NUMBER),
    (f"`array` of length <= {bounds.DEEPEST_STACK}", Problem.TOO_DEEP),
    (f"`array` of length <= {bounds.LARGEST_COLUMN}", Problem.TOO_MANY_SAMPLES),
    ("`str` of length <= 4096", Problem.NAME_TOO_LONG),
    (f"<= {bounds.DAY_SECONDS}.0", Problem.TOO_LONG),
    (f"<= {bounds.DAY_SECONDS}000.0", Problem.TOO_LONG),
)


def read(content: bytes, *, latest_start: float) -> Saved:
    """Read and check a file; what comes out can be rendered. Raises UnusableFile.

    `latest_start` is the latest time that it may have begun at, in seconds since 1970.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise UnusableFile(Problem.TOO_LARGE)
    if not content.strip():
        raise UnusableFile(Problem.EMPTY)
    found = _decode(content)
    if not found.start_time >= EARLIEST_START_S:
        raise UnusableFile(Problem.START_UNKNOWN, "start_time")
    if found.start_time > latest_start:
        raise UnusableFile(Problem.START_IN_FUTURE, "start_time")
    if sum(len(stack) for stack, _seconds in found.frame_records) > bounds.MOST_STACK_FRAMES:
        raise UnusableFile(Problem.TOO_MANY_SAMPLES, "frame_records")
    try:
        table = table_from_session(_plain(found))
    except recording.InvalidRecording as error:
        raise UnusableFile(Problem.TOO_MANY_SAMPLES, "frame_records") from error
    try:
        recording.check(table)
    except recording.InvalidRecording as error:
        raise UnusableFile(Problem.DAMAGED, str(error)) from error
    return Saved(table, "4" if found.sys_path is UNSET else "5")


def _decode(content: bytes) -> _File:
    try:
        return _files.decode(content)
    except msgspec.ValidationError as error:
        raise _out_of_bounds(error) from error
    except UnicodeDecodeError as error:
        raise UnusableFile(Problem.NOT_UNICODE) from error
    except RecursionError as error:
        raise UnusableFile(Problem.NOT_A_SESSION) from error
    except msgspec.DecodeError as error:
        if _NAN.search(content):
            raise UnusableFile(Problem.NOT_A_NUMBER) from error
        surrogate = "surrogate" in str(error)
        raise UnusableFile(Problem.NOT_UNICODE if surrogate else Problem.NOT_JSON) from error


def _out_of_bounds(error: msgspec.ValidationError) -> UnusableFile:
    text, _at, path = str(error).partition(" - at `$")
    field = path.strip(".`")
    if not field:
        # Not an object, or a field of it is missing.
        return UnusableFile(Problem.NOT_A_SESSION)
    problems = (problem for said, problem in _BOUNDS if text.endswith(said))
    return UnusableFile(next(problems, Problem.DAMAGED), field)


def _plain(found: _File) -> Plain:
    """The same as pyinstrument 5 would have saved it; its own reader fills in no less."""
    told = found.program if found.target_description is UNSET else found.target_description
    shortest = DEFAULT_INTERVAL_S if found.min_interval is UNSET else found.min_interval
    return Plain(
        start_time=found.start_time,
        duration=found.duration,
        min_interval=shortest,
        max_interval=shortest if found.max_interval is UNSET else found.max_interval,
        sample_count=found.sample_count,
        start_call_stack=found.start_call_stack or list(NO_START),
        target_description="" if told is UNSET else told[:LONGEST_TARGET],
        cpu_time=found.cpu_time or 0.0,
        sys_path=[] if found.sys_path is UNSET else found.sys_path,
        sys_prefixes=[] if found.sys_prefixes is UNSET else found.sys_prefixes,
        frame_records=found.frame_records,
    )
