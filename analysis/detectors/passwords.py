"""Hashing passwords.

Sees Django's and Werkzeug's hashers, PBKDF2 and scrypt of the standard library, bcrypt, argon2 and passlib.
It is slow by design and belongs to a login; can't tell a login from a request that checks the password each
time, so read the name of the endpoint beside it. Plain digests are not told.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

HASHING: Final = Frames(
    {
        "<built-in>": ("pbkdf2_hmac", "scrypt", "hashpw", "kdf"),
        "django/contrib/auth/hashers.py": (),
        "django/utils/crypto.py": ("pbkdf2",),
        "werkzeug/security.py": ("generate_password_hash", "check_password_hash", "_hash_internal"),
        "argon2/_password_hasher.py": (),
        "argon2/low_level.py": (),
        "bcrypt/__init__.py": ("hashpw", "checkpw", "kdf"),
        "passlib/context.py": ("hash", "verify"),
    }
)

DETECTOR: Final = CallDetector(
    "password_hashing",
    HASHING,
    "https://docs.djangoproject.com/en/stable/topics/auth/passwords/",
    saving=0.9,
)
