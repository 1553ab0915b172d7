"""What people copy to connect their app. No Django here: tests check the text against pip's own rules."""

from __future__ import annotations

from dataclasses import dataclass

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


def for_flask(public_url: str, key: str, *, wheel: str, sha256: str) -> Snippet:
    """`public_url` is the platform's address without a slash at its end, `wheel` the SDK's file name."""
    # One file with its hash: a package of the same name in some index can't take its place.
    requirement = f"perfplatform-sdk @ {public_url}/sdk/files/{wheel}#sha256={sha256}"
    return Snippet(f'pip install "{requirement}"', FLASK.format(key=key, url=public_url))
