"""A platform in a process of its own that keeps all it gets: one folder a key, one file a batch."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
_SUFFIX = ".json.gz"


class Batch(NamedTuple):
    """One request as it came."""

    content: dict[str, Any]
    sent_bytes: int  # of the body, compressed


class Handler(BaseHTTPRequestHandler):
    """Answers 202 to batches. Whoever asks for settings is told that there are none."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    folder: Path
    numbers = count()

    def do_GET(self) -> None:
        self._answer(404, {"code": 20001, "msg": "nothing here", "data": {}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        place = self.folder / self.headers["Authorization"].removeprefix("Bearer ")
        place.mkdir(exist_ok=True)
        # Written under another name first: a reader finds whole files only.
        unfinished = place / f"{next(self.numbers):06}.part"
        unfinished.write_bytes(body)
        unfinished.rename(unfinished.with_suffix(_SUFFIX))
        batch = json.loads(gzip.decompress(body))
        accepted = len(batch.get("ledger", ())) + len(batch.get("profiles", ()))
        self._answer(202, {"code": 0, "msg": "success", "data": {"accepted": accepted, "rejected": []}})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One thread a connection."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let connections break: measured processes end as they like."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FakePlatform:
    """The running one, and what it has received."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self.url = url
        self._numbers = count(1)

    def new_key(self) -> str:
        """A key for one process, by which its batches are told from all others."""
        return f"ppk_bench{next(self._numbers):04}"

    def batches(self, key: str) -> list[Batch]:
        """Everything that came with the key, oldest first."""
        files = sorted((self._folder / key).glob(f"*{_SUFFIX}"))
        bodies = [file.read_bytes() for file in files]
        return [Batch(json.loads(gzip.decompress(body)), len(body)) for body in bodies]


@contextmanager
def fake_platform(folder: Path) -> Iterator[FakePlatform]:
    """Start one that keeps what it receives under `folder`."""
    command = [sys.executable, "-m", __spec__.name, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield FakePlatform(folder, f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


def main() -> None:
    Handler.folder = Path(sys.argv[1])
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
