"""Keys and tokens: how they are made, and what is kept of them."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum

SHOWN_LENGTH = 10


class CredentialPrefix(StrEnum):
    """The first letters of a credential decide what it is."""

    PROJECT_KEY = "ppk_"
    DEPLOY_TOKEN = "ppd_"  # noqa: S105
    PERSONAL_TOKEN = "ppt_"  # noqa: S105


def generate(prefix: CredentialPrefix) -> str:
    """A new secret with 256 bits of randomness."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal. A slow hash would add nothing: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def shown(secret: str) -> str:
    """The part by which people recognise a credential in a list."""
    return secret[:SHOWN_LENGTH]


def prefix_of(secret: str) -> CredentialPrefix | None:
    return next((prefix for prefix in CredentialPrefix if secret.startswith(prefix)), None)
