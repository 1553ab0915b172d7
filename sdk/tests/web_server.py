"""A web server on a real socket that outbound calls go to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/drop"):
            self.close_connection = True
            return
        if path.endswith("/slow"):
            time.sleep(0.05)
        body = b"fine"
        self.send_response(302 if path.endswith("/redirect") else 404 if path.endswith("/missing") else 200)
        if path.endswith("/redirect"):
            self.send_header("Location", "/fine")
        self.send_header("Content-Length", str(len(body)))
        with suppress(OSError):  # the client may be gone
            self.end_headers()
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # connections at once


@contextmanager
def web_server() -> Iterator[str]:
    """The address of a server that runs as long as the block."""
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
