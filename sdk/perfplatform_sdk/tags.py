"""What an app says of a request: tags, and the trace that the request is part of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .context import current, innermost, outermost
from .recorder import Record, harmless
from .table import transmissible

MAX_TAGS = 16  # of a profile
_LONGEST_NAME = 64  # characters
_LONGEST_VALUE = 200
_LONGEST_TRACE_ID = 64

TRACEPARENT = "traceparent"
# https://www.w3.org/TR/trace-context/#traceparent-header: later versions may append fields.
_TRACEPARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


@harmless
def set_tag(name: str, value: object) -> None:
    """Tag the profile of the request, task or call that is under way, if it is kept. Raises nothing.

    At most 16 tags, names of 64 and values of 200 characters: longer ones are cut, further ones left out, and
    what is no string becomes one. Outside a record nothing happens.
    """
    record: Record | None = outermost(innermost(current.get()))
    if record is None:
        return
    key = transmissible(str(name).replace("\0", ""), _LONGEST_NAME)
    if record.tags is None:
        record.tags = {}
    if key and (key in record.tags or len(record.tags) < MAX_TAGS):
        record.tags[key] = transmissible(str(value), _LONGEST_VALUE)


def trace_id_of(traceparent: str) -> str:
    """The trace id in a W3C `traceparent` header, 32 hexadecimal digits; empty where it is not valid."""
    match = _TRACEPARENT.fullmatch(traceparent.strip(" \t"))
    if match is None or (match.group(1) == "00" and match.group(3)):
        return ""
    return match.group(2)


def wsgi_trace_id(environ: Mapping[str, object], header: str = TRACEPARENT) -> str:
    """The trace id in a header of a WSGI request, at most 64 characters; empty where there is none."""
    value = environ.get(_environ_name(header))
    return _trace_id(header, value) if isinstance(value, str) and value else ""


def asgi_trace_id(headers: Iterable[tuple[bytes, bytes]], header: str = TRACEPARENT) -> str:
    """The trace id in a header of an ASGI request, as `wsgi_trace_id`; `headers` are the scope's."""
    wanted = _bytes_name(header)
    for name, value in headers:
        if name == wanted:
            return _trace_id(header, value.decode("latin-1"))
    return ""


def _trace_id(header: str, value: str) -> str:
    if header.lower() == TRACEPARENT:
        return trace_id_of(value)
    value = value.strip()
    return value[:_LONGEST_TRACE_ID] if value.isascii() and value.isprintable() else ""


@lru_cache(maxsize=16)
def _environ_name(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


@lru_cache(maxsize=16)
def _bytes_name(header: str) -> bytes:
    return header.lower().encode("latin-1", "replace")
