"""urllib3: every exchange of a connection pool, with its retries; beneath requests it counts nothing."""

from __future__ import annotations

from typing import Any

from perfplatform_sdk import fingerprint
from perfplatform_sdk.counters import HTTP

from .wrapping import unwrap, wrap


def install(connectionpool: Any) -> None:
    """Begin to count; `connectionpool` is the module `urllib3.connectionpool`."""
    wrap(connectionpool.HTTPConnectionPool, "urlopen", kind=HTTP, shape_of=_shape)


def uninstall(connectionpool: Any) -> None:
    unwrap(connectionpool.HTTPConnectionPool)


def _shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    pool = args[0]
    method = args[1] if len(args) > 1 else kwargs["method"]
    url = args[2] if len(args) > 2 else kwargs["url"]
    if url.startswith("/"):  # through a proxy it has its host with it
        host = f"[{pool.host}]" if ":" in pool.host else pool.host
        url = f"{pool.scheme}://{host}:{pool.port}{url}" if pool.port else f"{pool.scheme}://{host}{url}"
    return fingerprint.http(method, url)
