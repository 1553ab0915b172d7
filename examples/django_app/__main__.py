"""`python -m django_app` serves the library on 127.0.0.1 at PORT (default 5070) until SIGTERM or Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
from types import FrameType

import django
import uvicorn
from django.core.asgi import get_asgi_application


def main() -> int:
    """Serve until told to stop; return the exit status."""
    port = os.environ.get("PORT", "5070")
    try:
        listening = socket.create_server(("127.0.0.1", int(port)))
    except (ValueError, OverflowError, OSError) as error:
        print(f"The library can't listen on port {port}: {error}. Set PORT to another one.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _stop)  # uvicorn hands it on when it has stopped
    with listening, tempfile.TemporaryDirectory(prefix="django_app_") as folder:
        os.environ.update(DJANGO_SETTINGS_MODULE="django_app.settings", LIBRARY_DATABASE=f"{folder}/books")
        django.setup()
        from django_app import models

        models.fill()
        print(f"The library is open at http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(get_asgi_application(), log_level="warning", lifespan="off", ws="none")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listening])
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
