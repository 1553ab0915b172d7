"""`python -m fastapi_app` serves the timetable on 127.0.0.1 at PORT (default 5060) until SIGTERM."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from fastapi_app import create_app


def main() -> int:
    """Serve until told to stop; return the exit status."""
    port = os.environ.get("PORT", "5060")
    try:
        listening = socket.create_server(("127.0.0.1", int(port)))
    except (ValueError, OverflowError, OSError) as error:
        print(
            f"The timetable can't listen on port {port}: {error}. Set PORT to another one.", file=sys.stderr
        )
        return 1
    with listening:
        print(f"The ferries sail at http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(create_app(), log_level="warning", ws="websockets-sansio")
        uvicorn.Server(config).run([listening])
    return 0


if __name__ == "__main__":
    sys.exit(main())
