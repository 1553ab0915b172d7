"""httpx: every call of a client, with the redirects that it follows."""

from __future__ import annotations

from typing import Any

from perfplatform_sdk import fingerprint
from perfplatform_sdk.counters import HTTP

from .wrapping import unwrap, wrap


def install(httpx: Any) -> None:
    """Begin to count; `httpx` is the module."""
    for client in (httpx.Client, httpx.AsyncClient):
        wrap(client, "send", kind=HTTP, shape_of=_shape)


def uninstall(httpx: Any) -> None:
    unwrap(httpx.Client)
    unwrap(httpx.AsyncClient)


def _shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    request = args[1] if len(args) > 1 else kwargs["request"]
    return fingerprint.http(request.method, request.url)
