"""The wire format, version 1 (docs/wire.md): bytes from an SDK become checked structs, item by item."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw

from profiles import ledger, recording
from profiles.body import MEGABYTE, TooLarge, Unreadable
from profiles.bounds import (
    ACCEPT_EARLY,
    ACCEPT_LATE,
    Count,
    DayMicroseconds,
    Endpoint,
    Fingerprint,
    Id,
    Instant,
    Key,
    Kind,
    Method,
    Text,
)
from profiles.ledger import LedgerDocument
from profiles.recording import Plain, Table
from profiles.session_table import table_from_session

SCHEMA: Final = 1
LARGEST_ITEM_BYTES: Final = 8 * MEGABYTE
MOST_ITEMS: Final = 200
LONGEST_REASON: Final = 300

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Struct = TypeVar("Struct")


class Refusal(StrEnum):
    """Why one item of a batch is not stored."""

    INVALID = "invalid"
    TOO_LARGE = "too_large"
    TOO_LATE = "too_late"
    CLOCK_SKEW = "clock_skew"
    ID_TAKEN = "id_taken"
    QUOTA = "quota"


class Refused(ValueError):
    """One item is refused, for good; the text names the field."""

    def __init__(self, code: Refusal, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason[:LONGEST_REASON]


class Sdk(msgspec.Struct, kw_only=True):
    """Who speaks."""

    name: Name
    version: Name


class Process(msgspec.Struct, kw_only=True):
    """Where it ran. `instance` is new after every fork."""

    instance: Id
    hostname: Annotated[str, Meta(max_length=255)]
    pid: Count
    python: Annotated[str, Meta(max_length=32)]
    framework: Annotated[str, Meta(max_length=64)] = ""


class Version(msgspec.Struct, kw_only=True):
    """The release of the target app."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    commit: Annotated[str, Meta(max_length=64)] = ""
    branch: Annotated[str, Meta(max_length=255)] = ""


class Batch(msgspec.Struct, kw_only=True):
    """What was sent at once. Items are still raw, so that a bad one harms no other."""

    schema: Literal[1]
    sdk: Sdk
    process: Process
    environment: Name
    version: Version
    ledger: list[Raw] = []
    profiles: list[Raw] = []


class Caller(msgspec.Struct, kw_only=True, gc=False):
    """The line of the target app that a counter belongs to."""

    function: Text
    file: Text
    line: Count


class Counter(msgspec.Struct, kw_only=True, gc=False):
    """Calls of one kind to a database or an HTTP server, from one line."""

    type: Literal["db", "http"]
    caller: Caller
    fingerprint: Fingerprint
    count: Count
    total_us: Count


class ProfileItem(msgspec.Struct, kw_only=True, gc=False):
    """One recorded request, task or call, as it was sent."""

    id: Id
    kind: Kind
    endpoint: Endpoint
    method: Method
    status: Annotated[int, Meta(ge=100, le=599)] | None
    started_at: Instant
    duration_us: DayMicroseconds
    cpu_us: DayMicroseconds
    engine: Literal["sampler", "pyinstrument"]
    interval_us: Annotated[int, Meta(ge=1, le=60_000_000)]
    trigger: Literal["sampled", "slow", "error", "manual"]
    session: Raw
    error_type: Annotated[str, Meta(max_length=256)] = ""
    streaming: bool = False
    trace_id: Annotated[str, Meta(max_length=64)] = ""
    tags: Annotated[dict[Key, Annotated[str, Meta(max_length=200)]], Meta(max_length=16)] = {}
    counters: Annotated[list[Counter], Meta(max_length=500)] = []


class _Form(msgspec.Struct):
    """Tells the two forms of a session apart."""

    frame_records: Raw | msgspec.UnsetType = msgspec.UNSET


_batches = msgspec.json.Decoder(Batch)
_items = msgspec.json.Decoder(ProfileItem)
_ledgers = msgspec.json.Decoder(LedgerDocument)
_forms = msgspec.json.Decoder(_Form)
_plain = msgspec.json.Decoder(Plain)
_tables = msgspec.json.Decoder(Table)


def decode(body: bytes) -> Batch:
    """Parse a decompressed body. Raises Unreadable if it is no batch, TooLarge over 200 items of a kind."""
    try:
        batch = _decode_batch(body)
    except msgspec.ValidationError as error:
        raise Unreadable(_why_no_batch(body, error)) from error
    except UnicodeDecodeError as error:
        raise Unreadable("The body has text that is not UTF-8, or a lone surrogate.") from error
    except msgspec.DecodeError as error:
        raise Unreadable(f"The body is not JSON: {error}.") from error
    except RecursionError as error:
        raise Unreadable("The body is nested too deeply.") from error
    for name, items in (("profiles", batch.profiles), ("ledger", batch.ledger)):
        if len(items) > MOST_ITEMS:
            raise TooLarge(f"The batch holds {len(items)} items in {name}; at most {MOST_ITEMS} are allowed.")
    return batch


def decode_profile(raw: Raw, *, now: datetime) -> tuple[ProfileItem, Table]:
    """Parse and check one profile and its recording, in whichever form. Raises Refused."""
    _check_size(raw)
    item = _decode_item(_items, raw)
    _check_time("started_at", item.started_at, now)
    return item, decode_session(item.session)


def decode_ledger(raw: Raw, *, now: datetime) -> LedgerDocument:
    """Parse and check one ledger document. Raises Refused."""
    _check_size(raw)
    document = _decode_item(_ledgers, raw)
    try:
        ledger.check(document)
    except ledger.InvalidLedger as error:
        raise Refused(Refusal.INVALID, str(error)) from error
    _check_time("minute", document.minute, now)
    return document


def decode_session(raw: Raw) -> Table:
    """Parse and check a recording in either form; what comes out can be rendered. Raises Refused."""
    try:
        if _decode_item(_forms, raw).frame_records is msgspec.UNSET:
            table = _decode_item(_tables, raw)
        else:
            table = table_from_session(_decode_item(_plain, raw))
        recording.check(table)
    except (Refused, recording.InvalidRecording) as error:
        raise Refused(Refusal.INVALID, f"session: {error}") from error
    return table


def _decode_batch(body: bytes) -> Batch:
    try:
        return _batches.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"\\ud" not in body and b"\\uD" not in body:
            raise
        return _batches.decode(_mark_lone_surrogates(body))


# An escape in a JSON text: a surrogate pair, a lone surrogate (captured), or anything else.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_MOST_ESCAPES: Final = 2_000_000


def _mark_lone_surrogates(body: bytes) -> bytes:
    r"""Replace `\ud800` by a byte that is no UTF-8: msgspec's scan passes it, and only its own item fails."""
    if body.count(b"\\") > _MOST_ESCAPES:
        return body
    return _ESCAPE.sub(lambda match: b"\xff" if match[1] else match[0], body)


def _why_no_batch(body: bytes, error: msgspec.ValidationError) -> str:
    try:
        schema = msgspec.json.decode(body, type=dict[str, Raw]).get("schema", Raw(b"1"))
        if msgspec.json.decode(schema, type=int) != SCHEMA:
            return f"Unknown schema {bytes(schema).decode()[:20]}; this server speaks schema {SCHEMA}."
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return f"The body is not a batch: {_reason(error)}."[:LONGEST_REASON]


def _decode_item(decoder: msgspec.json.Decoder[Struct], raw: Raw) -> Struct:
    try:
        return decoder.decode(raw)
    except UnicodeDecodeError as error:
        where = _unreadable_field(raw)
        raise Refused(Refusal.INVALID, f"{where}: text that is not UTF-8, or a lone surrogate") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(Refusal.INVALID, _reason(error)) from error


def _unreadable_field(raw: Raw) -> str:
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "name of a field"
    for name, field in fields.items():
        try:
            msgspec.json.decode(field)
        except UnicodeDecodeError:
            return name[:64]
    return "field"


def _reason(error: Exception) -> str:
    """Turn msgspec's `Expected `int` >= 0 - at `$.pid`` into `pid: Expected `int` >= 0`."""
    text, _, path = str(error).partition(" - at `$")
    return f"{path.strip('.`')}: {text}" if path.strip(".`") else text


def _check_size(raw: Raw) -> None:
    if len(memoryview(raw)) > LARGEST_ITEM_BYTES:
        raise Refused(Refusal.TOO_LARGE, "the item is over 8 MB")


def _check_time(name: str, instant: datetime, now: datetime) -> None:
    if instant.utcoffset():
        raise Refused(Refusal.INVALID, f"{name}: is not in UTC")
    if instant < now - ACCEPT_LATE:
        raise Refused(Refusal.TOO_LATE, f"{name} is more than 6 h old")
    if instant > now + ACCEPT_EARLY:
        raise Refused(Refusal.CLOCK_SKEW, f"{name} is more than 5 min in the future")
