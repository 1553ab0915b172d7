"""redis-py, with and without asyncio: every command, and every pipeline as one. Not the cluster clients."""

from __future__ import annotations

from typing import Any

from perfplatform_sdk import fingerprint
from perfplatform_sdk.counters import DATABASE

from .wrapping import unwrap, wrap


def install(client: Any) -> None:
    """Begin to count; `client` is the module `redis.client` or `redis.asyncio.client`."""
    wrap(client.Redis, "execute_command", kind=DATABASE, shape_of=_command)
    # What a pipeline sends at once while it watches keys.
    wrap(client.Pipeline, "immediate_execute_command", kind=DATABASE, shape_of=_command)
    wrap(client.Pipeline, "execute", kind=DATABASE, shape_of=_pipeline, sends=len)  # an empty one does not


def uninstall(client: Any) -> None:
    unwrap(client.Redis)
    unwrap(client.Pipeline)


def _command(args: tuple[Any, ...], _: dict[str, Any]) -> str:
    return fingerprint.redis(args[1:])


def _pipeline(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> str:
    return "PIPELINE"
