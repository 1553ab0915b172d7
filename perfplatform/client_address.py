"""Whom a request comes from, as far as that can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

UNKNOWN: Final = "unknown"
# Who has one address of IPv6 has at least the 2**64 beside it (RFC 6177).
_IPV6_PREFIX: Final = 64


def client_address(environ: Mapping[str, Any], *, trusted_proxies: int) -> str:
    """The client's IPv4 address or IPv6 network of 64 bits, from a WSGI environ.

    Anybody may send X-Forwarded-For, so only the entries that `trusted_proxies` proxies of our own appended
    are believed: the client stands at that place from the end. Where the list is shorter, or that entry is no
    address, the other end of the connection counts.
    """
    entries = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    forwarded = entries[-trusted_proxies] if 0 < trusted_proxies <= len(entries) else ""
    return _group(forwarded) or _group(str(environ.get("REMOTE_ADDR", ""))) or UNKNOWN


def _group(text: str) -> str:
    """`10.0.0.7`, also from `10.0.0.7:5000`; `2001:db8::/64` from `[2001:db8::7]:5000`; or nothing."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, _IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(address)
