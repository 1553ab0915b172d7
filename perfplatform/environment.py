"""What the environment variables say: read once, typed, and refused in a sentence when they are nonsense."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
FLAGS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
SHORTEST_SECRET = 32
SHORTEST_METRICS_TOKEN = 16
LARGEST_LIMIT = 10_000_000
MOST_PROXIES = 10


class InvalidEnvironment(Exception):
    """A variable is missing or wrong; the message names it and says what to do."""


# Of MongoDB, the default first. Voting members are at most 7.
READ_PREFERENCES = ("primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest")
MAJORITY = "majority"
MOST_MEMBERS = 7


@dataclass(frozen=True)
class Limits:
    """How much may be asked for before the answer is 429; 0 is no limit.

    Each is a bucket: so much at once, and as much again spread over a minute (sign-ins: five minutes).

    - `per_key` (LIMIT_PER_KEY): requests of one project key to `ingest/`, and as many to `sdk-config/`. 100
      processes that send every 15 s and ask for settings once a minute need 400 and 100 of the 3,000.
    - `per_address` (LIMIT_PER_ADDRESS): the same of one client address, whatever it sends as a key.
    - `uploads` (LIMIT_UPLOADS): files that one key or user uploads; of one address four times as many.
    - `sign_ins_per_name`, `sign_ins_per_address` (LIMIT_SIGN_INS_PER_NAME, LIMIT_SIGN_INS_PER_ADDRESS):
      attempts to sign in; one that succeeds frees its name again.
    """

    per_key: int = 3_000
    per_address: int = 12_000
    uploads: int = 60
    sign_ins_per_name: int = 10
    sign_ins_per_address: int = 100


@dataclass(frozen=True)
class Environment:
    """The settings that differ from one installation to another. README.md lists them for people.

    `trusted_proxies` is how many proxies of one's own every request passes: so many entries at the end of
    X-Forwarded-For are believed. `metrics_token` opens /metrics; empty, only staff may read it.
    `mongodb_read_preference` says which members pages read from; `mongodb_write_concern` how many must have
    what is acknowledged in their journals.
    """

    development: bool
    secret_key: str
    mongodb_uri: str
    mongodb_read_preference: str
    mongodb_write_concern: str | int
    redis_url: str
    public_url: str
    cors_allowed_origins: tuple[str, ...]
    log_level: str
    sdk_dist_dir: Path
    limits: Limits
    trusted_proxies: int
    metrics_token: str

    @property
    def public_path(self) -> str:
        """Path of PUBLIC_URL without a slash at its end: empty, or `/tools/perf`."""
        return urlsplit(self.public_url).path

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).hostname or ""

    @property
    def public_origin(self) -> str:
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"


def read(variables: Mapping[str, str]) -> Environment:
    """Raises InvalidEnvironment that names the first variable which is missing or wrong."""
    development = _flag(variables, "DEVELOPMENT", default=False)
    return Environment(
        development=development,
        secret_key=_secret(variables, development=development),
        mongodb_uri=_url(
            variables,
            "MONGODB_URI",
            ("mongodb", "mongodb+srv"),
            default="mongodb://127.0.0.1:27017/perfplatform" if development else "",
        ),
        mongodb_read_preference=_read_preference(variables),
        mongodb_write_concern=_write_concern(variables),
        redis_url=_url(
            variables,
            "REDIS_URL",
            ("redis", "rediss", "unix"),
            default="redis://127.0.0.1:6379/0" if development else "",
        ),
        public_url=_url(
            variables, "PUBLIC_URL", ("http", "https"), default="http://127.0.0.1:8000" if development else ""
        ).rstrip("/"),
        cors_allowed_origins=_origins(variables, development=development),
        log_level=_log_level(variables),
        sdk_dist_dir=Path(variables.get("SDK_DIST_DIR") or ROOT / "sdk" / "dist").resolve(),
        limits=_limits(variables),
        trusted_proxies=_number(variables, "TRUSTED_PROXIES", default=0, most=MOST_PROXIES),
        metrics_token=_metrics_token(variables),
    )


def _read_preference(variables: Mapping[str, str]) -> str:
    name = variables.get("MONGODB_READ_PREFERENCE", "").strip() or READ_PREFERENCES[0]
    if name not in READ_PREFERENCES:
        raise InvalidEnvironment(
            f"MONGODB_READ_PREFERENCE is {name!r}: write one of {', '.join(READ_PREFERENCES)}."
        )
    return name


def _write_concern(variables: Mapping[str, str]) -> str | int:
    text = variables.get("MONGODB_WRITE_CONCERN", "").strip() or MAJORITY
    if text == MAJORITY:
        return text
    if not (text.isascii() and text.isdigit() and 2 <= int(text) <= MOST_MEMBERS):
        raise InvalidEnvironment(
            f"MONGODB_WRITE_CONCERN is {text!r}: write {MAJORITY}, or a number from 2 to {MOST_MEMBERS}."
        )
    return int(text)


def _limits(variables: Mapping[str, str]) -> Limits:
    return Limits(
        **{
            name: _number(variables, f"LIMIT_{name.upper()}", default=default, most=LARGEST_LIMIT)
            for name, default in asdict(Limits()).items()
        }
    )


def _number(variables: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    text = variables.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= most):
        raise InvalidEnvironment(f"{name} is {text!r}: write a whole number from 0 to {most}.")
    return int(text)


def _metrics_token(variables: Mapping[str, str]) -> str:
    token = variables.get("METRICS_TOKEN", "").strip()
    if token and len(token) < SHORTEST_METRICS_TOKEN:
        raise InvalidEnvironment(
            f"METRICS_TOKEN is too short: give it at least {SHORTEST_METRICS_TOKEN} random characters."
        )
    return token


def _flag(variables: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = variables.get(name, "").strip().lower()
    if not text:
        return default
    if text not in FLAGS:
        raise InvalidEnvironment(f"{name} is {text!r}: write 1 or 0.")
    return FLAGS[text]


def _secret(variables: Mapping[str, str], *, development: bool) -> str:
    secret = variables.get("SECRET_KEY", "")
    if not secret and development:
        return "only-for-development-on-this-machine"
    if len(secret) < SHORTEST_SECRET:
        raise InvalidEnvironment(
            f"SECRET_KEY is {'too short' if secret else 'not set'}: give it {SHORTEST_SECRET} random "
            "characters, for example from: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    return secret


def _url(variables: Mapping[str, str], name: str, schemes: tuple[str, ...], *, default: str) -> str:
    text = variables.get(name, "").strip() or default
    example = f"{schemes[0]}://host"
    if not text:
        raise InvalidEnvironment(f"{name} is not set: it must be an address such as {example}.")
    try:
        parts = urlsplit(text)
        # A list of replica set members is no single port, so only web addresses have theirs checked.
        valid_port = not parts.scheme.startswith("http") or parts.port is None or parts.port > 0
    except ValueError:
        valid_port, parts = False, urlsplit("")
    if parts.scheme not in schemes or not valid_port or not (parts.netloc or parts.scheme == "unix"):
        raise InvalidEnvironment(f"{name} must be an address such as {example}.")
    if parts.scheme.startswith("http") and (parts.query or parts.fragment or not parts.hostname):
        raise InvalidEnvironment(
            f"{name} must have a host and neither a query nor a fragment: {example}/path."
        )
    return text


def _origins(variables: Mapping[str, str], *, development: bool) -> tuple[str, ...]:
    text = variables.get("CORS_ALLOWED_ORIGINS")
    if text is None and development:
        return ("http://localhost:3000", "http://127.0.0.1:3000")
    origins = tuple(origin.strip() for origin in (text or "").split(",") if origin.strip())
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
            raise InvalidEnvironment(
                f"CORS_ALLOWED_ORIGINS holds {origin!r}: write origins such as https://tools.example.com, "
                "separated by commas, without a path."
            )
    return origins


def _log_level(variables: Mapping[str, str]) -> str:
    level = variables.get("LOG_LEVEL", "INFO").strip().upper()
    if level not in logging.getLevelNamesMapping():
        raise InvalidEnvironment(f"LOG_LEVEL is {level!r}: write DEBUG, INFO, WARNING or ERROR.")
    return level
