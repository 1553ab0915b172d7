"""HTTP methods as names of endpoints."""

from __future__ import annotations

KNOWN = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"))
OTHER = "(other)"


def known(method: str) -> str:
    """The method, or `(other)`: whoever sends requests must not invent endpoints."""
    return method if method in KNOWN else OTHER
