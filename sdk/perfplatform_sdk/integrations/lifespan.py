"""The end of an ASGI app: what is left is sent while the server still waits for the app.

uvicorn dies of the signal that it was stopped with, so what Python does at an exit is never done.
"""

from __future__ import annotations

import asyncio

from perfplatform_sdk import client as clients
from perfplatform_sdk.event_loop import current_task
from perfplatform_sdk.recorder import count_error

from .exchange import Message, Send


def sending_what_is_left(send: Send) -> Send:
    """The server's `send`, which hears that the app has shut down only when what it recorded is sent."""

    async def send_what_is_left(message: Message) -> None:
        if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            await flush()
        await send(message)

    return send_what_is_left


async def flush() -> None:
    """Send what is left, without holding up the event loop."""
    client = clients.current()
    if client is None or current_task() is None:
        return
    try:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, client.transport.flush, client.config.exit_timeout)
    except Exception:  # noqa: BLE001 - the border to the app
        count_error()
