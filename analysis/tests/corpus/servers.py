"""Real servers on loopback for the programs: HTTP with and without TLS."""

from __future__ import annotations

import functools
import ssl
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers after the milliseconds that the path names: `/5`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        time.sleep(float(self.path.strip("/") or 0) / 1000)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the parent's name


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the handshake is none of the test's business."""


@functools.cache
def plain() -> str:
    """The address of a server that lives as long as the process."""
    return f"http://127.0.0.1:{_serve(Server(('127.0.0.1', 0), Handler))}"


@functools.cache
def secure() -> tuple[str, str]:
    """Address and certificate of one with TLS."""
    folder = Path(tempfile.mkdtemp(prefix="corpus_tls_"))
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = ["-keyout", str(key), "-out", str(certificate), "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made, *names]
    subprocess.run(command, check=True, capture_output=True)
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return f"https://localhost:{_serve(server)}", str(certificate)


def _serve(server: Server) -> int:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
