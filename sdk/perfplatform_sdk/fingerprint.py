"""What statements and addresses look like without what is in them: no literal, value, key, query or password.

Pure. Where a text can be read in two ways, the way that shows less is taken.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

MAX_LENGTH = 512  # characters, as on the wire
_LONGEST_TEXT = 4_096  # characters of a statement that are looked at
_LONGEST_ADDRESS = 2_048
_MAX_SEGMENTS = 12
_MAX_FIELDS = 16
_MAX_DEPTH = 4
_MORE = "…"

# Where double quotes hold names. SQLite takes an unknown name for a string; elsewhere they may hold strings.
_QUOTES_HOLD_NAMES = frozenset(
    ("postgresql", "cockroachdb", "redshift", "oracle", "mssql", "microsoft", "snowflake", "duckdb")
)
_BEFORE_A_NAME = frozenset(("FROM", "JOIN", "INTO", "UPDATE", "TABLE", "AS", "INDEX", "EXISTS", "REFERENCES"))

# Each begins with a character of its own kind, so that the search runs from one such character to the next.
_SQL = r"""
    ['"`$%:?\d\#/-](?:
      (?<=-)-[^\n]*  |  (?<=/)\*.*?(?:\*/|\Z)            # comments
    | (?<=')[^']*(?:''[^']*)*(?:'|\Z)                    # strings
    | (?<=")[^"]*(?:""[^"]*)*(?:"|\Z)                    # strings or names
    | (?<=`)[^`]*(?:`|\Z)                                # names
    | (?<=\d)(?<![\w$]\d)[\w.]*(?:(?<=e)[+-]\d+)?        # numbers
    | (?<=%)(?:\([^)]*\))?s                              # placeholders
    | (?<=\?)\d*
    | (?<=:)(?<![:\w]:)\w+
    | (?<=\$)(?<![\w$]\$)(?:\d+ | (?P<tag>(?:[a-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
    {more}
    )
"""
_FLAGS = re.VERBOSE | re.IGNORECASE | re.DOTALL
_TOKEN = re.compile(_SQL.format(more=""), _FLAGS)
_TOKEN_OF_OTHERS = re.compile(_SQL.format(more=r"| (?<=\#)[^\n]*"), _FLAGS)  # MySQL has one more comment

_TIDY = (
    (re.compile(r"\b(?:[ebnx]|u&)\?", re.IGNORECASE), "?"),  # E'...'
    (re.compile(r"\.\?(?<![\w\"`\]?]\.\?)"), "?"),  # .5
    (re.compile(r"\?(?: ?:: ?\w+(?:\(\?\))?(?:\[\])?)+"), "?"),  # ?::integer
    (re.compile(r"[-+](?=\?)(?:(?<=[=(,<>].)|(?<=[=(,<>] .))"), ""),  # = -?
    (re.compile(r"\?(?: ?, ?\?)+"), "?"),  # IN (?, ?, ?)
    (re.compile(r"\(\?\)(?: ?, ?\(\?\))+"), "(?)"),  # VALUES (?), (?)
    (re.compile(r"\A((?:RELEASE |ROLLBACK TO )?SAVEPOINT ).*", re.IGNORECASE), r"\1?"),
    (re.compile(r"\d{5,}"), "*"),  # in names that are made as the app runs
)

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
_HOST = re.compile(r"[a-z0-9._:-]{1,253}")
_SEGMENT = re.compile(r"v\d{1,3}(?:\.\d{1,3})?|(?![a-f]{8,}\Z)[a-z][a-z_.~-]{0,30}\d?", re.IGNORECASE)
_FIELD = re.compile(r"[^\W\d][\w.$-]{0,63}")
_INDEX = re.compile(r"(?<=\.)\d+(?=\.|\Z)")
_COMMAND = re.compile(r"[a-z][\w.-]{0,31}", re.IGNORECASE)

_FILTERS = {"find": "filter", "count": "query", "distinct": "query", "findAndModify": "query"}
_LISTS = {"update": "updates", "delete": "deletes"}


def sql(statement: object, dialect: str = "") -> str:
    """The shape of an SQL statement: `SELECT * FROM "a" WHERE "a"."b" IN (?)`.

    `dialect`: as Django (`vendor`) or SQLAlchemy call it. What isn't text is its type: `(Composed)`.
    """
    if type(statement) is str and len(statement) <= _LONGEST_TEXT:
        return _sql(statement, dialect)
    if isinstance(statement, bytes):
        return _sql(statement[: _LONGEST_TEXT + 1].decode("utf-8", "replace"), dialect)
    if isinstance(statement, str):
        return _sql(str(statement[: _LONGEST_TEXT + 1]), dialect)
    return f"({type(statement).__name__})"[:MAX_LENGTH]


@lru_cache(maxsize=512)
def _sql(text: str, dialect: str) -> str:
    shape = " ".join(_without_literals(text[:_LONGEST_TEXT], dialect).split()).rstrip("; ")
    for pattern, replacement in _TIDY:
        shape = pattern.sub(replacement, shape)
    if len(text) > _LONGEST_TEXT:
        shape = shape.rstrip(" ,(") + _MORE
    return _bounded(shape or "(empty)")


def _without_literals(text: str, dialect: str) -> str:
    known = dialect == "sqlite" or dialect in _QUOTES_HOLD_NAMES
    pieces: list[str] = []
    position = 0
    for match in (_TOKEN if known else _TOKEN_OF_OTHERS).finditer(text):
        token, between = match.group(), text[position : match.start()]
        kind, position = token[0], match.end()
        pieces.append(between)
        if kind in "-/#":
            if "/*" in token[2:]:
                return "".join(pieces) + _MORE  # in some databases comments can be nested
            pieces.append(" ")
        elif kind in "'\"" and "\\" + kind in token:
            # Settings decide whether this backslash escapes the quote: what follows may be the literal.
            return "".join(pieces) + "?" + _MORE
        elif kind == "`" or (kind == '"' and _is_name(dialect, between, text[position : position + 1])):
            pieces.append(token)
        else:
            pieces.append("?")
    return "".join(pieces) + text[position:]


def _is_name(dialect: str, before: str, after: str) -> bool:
    if dialect != "sqlite":
        return dialect in _QUOTES_HOLD_NAMES
    if after == "." or before == ".":
        return True
    words = before.split()
    return bool(words) and words[-1].upper() in _BEFORE_A_NAME


def http(method: object, address: object) -> str:
    """The shape of an outbound call: `GET https://example.com/users/*`."""
    verb = str(method).upper()
    text = address.decode("utf-8", "replace") if isinstance(address, bytes) else str(address)
    return _http(verb if verb in _METHODS else "(other)", text.partition("?")[0][:_LONGEST_ADDRESS])


@lru_cache(maxsize=512)
def _http(method: str, address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{method} (unreadable)"
    if not _HOST.fullmatch(host):
        host = "*"
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    segments = parts.path.split("/")
    path = "/".join(
        segment if not segment or _SEGMENT.fullmatch(segment) else "*" for segment in segments[:_MAX_SEGMENTS]
    )
    return _bounded(
        f"{method} {parts.scheme}://{place}{path}{_MORE if len(segments) > _MAX_SEGMENTS else ''}"
    )


def mongo(name: str, command: Mapping[str, Any]) -> str:
    """The shape of a MongoDB command: `find orders {status, user}`. Only names of fields, never values."""
    collection = command.get("collection" if name == "getMore" else name)
    stages, query = "", command.get(_FILTERS.get(name, ""))
    if name == "aggregate":
        pipeline = [stage for stage in command.get("pipeline", ()) if isinstance(stage, Mapping)]
        stages = "".join(f" {next(iter(stage), '')}" for stage in pipeline[:_MAX_FIELDS])
        query = next((stage["$match"] for stage in pipeline if "$match" in stage), None)
    elif name in _LISTS:
        # Of many changes in one command, the first stands for all.
        query = next((change.get("q") for change in command.get(_LISTS[name]) or ()), None)
    fields: list[str] = []
    _collect(query, fields, _MAX_DEPTH)
    return _mongo(name, collection if isinstance(collection, str) else "", stages, tuple(fields))


def _collect(query: object, fields: list[str], depth: int) -> None:
    if not isinstance(query, Mapping) or depth == 0:
        return
    for field, value in query.items():
        if len(fields) >= _MAX_FIELDS:
            return
        if field[:1] != "$":
            fields.append(field)
        elif isinstance(value, (list, tuple)):
            for one in value:
                _collect(one, fields, depth - 1)


@lru_cache(maxsize=512)
def _mongo(name: str, collection: str, stages: str, fields: tuple[str, ...]) -> str:
    names = {_INDEX.sub("*", field) if _FIELD.fullmatch(field) else "*" for field in fields}
    shape = " ".join(filter(None, (name, collection))) + stages
    return _bounded(f"{shape} {{{', '.join(sorted(names))}}}" if names else shape)


def redis(arguments: tuple[Any, ...]) -> str:
    """The name of a Redis command, and nothing of what it is done with."""
    words = str(arguments[0]).split(maxsplit=1) if arguments else []
    return words[0].upper() if words and _COMMAND.fullmatch(words[0]) else "(other)"


@lru_cache(maxsize=1_024)
def conceal(shape: str) -> str:
    """A shape as its first word and 16 hexadecimal digits of its SHA-256: the same in every process."""
    verb, _, rest = shape.partition(" ")
    digest = hashlib.sha256(shape.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{verb[:32]} {digest}" if rest else verb[:32]


def _bounded(shape: str) -> str:
    return shape if len(shape) <= MAX_LENGTH else shape[: MAX_LENGTH - 1] + _MORE
