"""Links from a function to its source: in a repository's pages, or in an editor.

A template such as `https://git.example/{repo}/blob/{commit}/{file}#L{line}` or `vscode://file/srv/{file}:{line}`
is what a project's owner wrote; file names, lines and versions come from the target app and are not to be
trusted. So a template's scheme is one of a few, its host is fixed, and whatever is filled in is escaped:
no name can change where a link leads to but within the path behind it.
"""

from __future__ import annotations

import functools
import re
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import quote

LONGEST_TEMPLATE: Final = 500
LONGEST_REPOSITORY: Final = 200
WEB_SCHEMES: Final = ("https", "http")
EDITOR_SCHEMES: Final = ("vscode", "vscode-insiders", "pycharm", "idea", "cursor", "zed", "subl")
SCHEMES: Final = (*WEB_SCHEMES, *EDITOR_SCHEMES)
PLACEHOLDERS: Final = ("repo", "commit", "version", "file", "path", "line")

_SCHEME: Final = re.compile(r"([a-z][a-z-]*):")
# What follows the scheme up to where a placeholder may stand: a host without a user, then a path or a query.
_PLACE: Final = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?[/?]")
# Nothing that a browser would strip, turn round or end an attribute at.
_PLAIN: Final = re.compile(r"[!#$&'()*+,./0-9:;=?@A-Z_a-z~%\[\]-]*")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


class Fault(StrEnum):
    """Why a template can't be used."""

    SCHEME = "scheme"
    HOST = "host"
    PLACEHOLDER = "placeholder"
    CHARACTER = "character"
    NO_FILE = "no_file"
    NO_REPOSITORY = "no_repository"


class Place(NamedTuple):
    """Where code stands: `file` below its entry of sys.path, `path` from the root where it is known."""

    file: str
    path: str
    line: int
    library: bool


class Source(NamedTuple):
    """Of which project and version the code is."""

    template: str
    repository: str = ""
    commit: str = ""
    version: str = ""


@functools.lru_cache(maxsize=1_000)  # asked for every function of a page
def fault(template: str, repository: str = "") -> Fault | None:
    """Why no link can be made by a template; None where it is in order."""
    scheme = _SCHEME.match(template)
    if not scheme or scheme[1] not in SCHEMES:
        return Fault.SCHEME
    if not template.startswith("//", scheme.end()) or not _PLACE.match(template, scheme.end() + 2):
        return Fault.HOST
    named = _PLACEHOLDER.findall(template)
    rest = _PLACEHOLDER.sub("", template)
    if set(named) - set(PLACEHOLDERS) or "{" in rest or "}" in rest:
        return Fault.PLACEHOLDER
    if not _PLAIN.fullmatch(rest):
        return Fault.CHARACTER
    if not {"file", "path"} & set(named):
        return Fault.NO_FILE
    if "repo" in named and not _escaped(repository):
        return Fault.NO_REPOSITORY
    return None


def link(source: Source, place: Place) -> str | None:
    """Where the code can be read; None where that can't be known, or must not be asked for.

    `{file}` is for one's own code: libraries are in no repository of the app.
    """
    if not source.template or fault(source.template, source.repository):
        return None
    values = {
        "repo": _escaped(source.repository),
        "commit": _escaped(source.commit),
        "version": _escaped(source.version),
        "file": None if place.library or _is_absolute(place.file) else _escaped(place.file),
        "path": _escaped(place.path) if _is_absolute(place.path) else None,
        "line": str(max(place.line, 1)),
    }
    found = ""
    end = 0
    for named in _PLACEHOLDER.finditer(source.template):
        value = values[named[1]]
        if value is None:
            return None
        found += source.template[end : named.start()]
        # A slash before {path} is meant to be the one at its beginning, but for that of `file://{path}`.
        found += value.removeprefix("/") if found.endswith("/") and not found.endswith("//") else value
        end = named.end()
    return found + source.template[end:]


def _is_absolute(file: str) -> bool:
    return file.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", file))


def _escaped(text: str) -> str | None:
    """A path percent-encoded, `/` left alone; None for none, for `<string>`, and for one that climbs."""
    slashed = text.replace("\\", "/")
    if not slashed.strip("/") or text.startswith("<"):
        return None
    if any(part in (".", "..") for part in slashed.split("/")):
        return None
    return quote(slashed, safe="/", errors="replace")
