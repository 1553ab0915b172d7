"""requests: every call of a session, with the redirects that it follows."""

from __future__ import annotations

from typing import Any

from perfplatform_sdk import fingerprint
from perfplatform_sdk.counters import HTTP

from .wrapping import unwrap, wrap


def install(sessions: Any) -> None:
    """Begin to count; `sessions` is the module `requests.sessions`."""
    wrap(sessions.Session, "send", kind=HTTP, shape_of=_shape)


def uninstall(sessions: Any) -> None:
    unwrap(sessions.Session)


def _shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    request = args[1] if len(args) > 1 else kwargs["request"]
    return fingerprint.http(request.method, request.url)
