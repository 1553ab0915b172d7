"""What people copy to connect their app. No Django here: tests check the text against pip's own rules."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

KEY_PLACEHOLDER = "ppk_…"
FLASK = """\
import perfplatform_sdk
from perfplatform_sdk.integrations.flask import PerfPlatform

perfplatform_sdk.init(key="{key}", url="{url}", environment="production", version="1.0")
PerfPlatform(app)"""


@dataclass(frozen=True)
class Snippet:
    """The shell line that installs the SDK, and the Python lines that start it in a Flask app."""

    install: str
    flask: str


def for_flask(public_url: str, key: str) -> Snippet:
    """`public_url` is the platform's address without a slash at its end."""
    index = f"--extra-index-url {public_url}/sdk/simple/{_trust(public_url)}"
    return Snippet(f"pip install {index} perfplatform-sdk", FLASK.format(key=key, url=public_url))


def _trust(public_url: str) -> str:
    """pip refuses an index over plain http unless it is on this machine or named as trusted."""
    parts = urlsplit(public_url)
    if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
        return ""
    return f" --trusted-host {parts.netloc.rpartition('@')[2]}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
