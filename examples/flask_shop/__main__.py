"""`python -m flask_shop` serves the shop on 127.0.0.1 at PORT (default 5050) until SIGTERM or Ctrl-C."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import sys
from types import FrameType

from werkzeug.serving import make_server

from flask_shop import create_app


def main() -> int:
    """Serve until told to stop; return the exit status."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _stop)
    port = os.environ.get("PORT", "5050")
    try:
        listening = socket.create_server(("127.0.0.1", int(port)))
    except (ValueError, OverflowError, OSError) as error:
        print(f"The shop can't listen on port {port}: {error}. Set PORT to another one.", file=sys.stderr)
        return 1
    with listening:
        try:
            app = create_app()
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        server = make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno())
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        print(f"Kettle & Leaf {app.config['SHOP_VERSION']} is open at {address}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # SystemExit instead of death, so that what the SDK holds is still sent.
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
