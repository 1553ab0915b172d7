"""A server process with an app, asked over raw sockets; what it wrote to its terminal is kept."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Callable

from cells import Cell
from fake_platform import KEY

SDK = Path(__file__).parents[2]

# What differs from one run to the next, and the one frame that any wrapper adds to a traceback.
OUR_FRAME = r"^ *File \"[^\"]*(/perfplatform_sdk/[^\"]*\"|django_app.py\", line \d+, in __call__).*\n"
VARYING = [
    (OUR_FRAME + r"( {4,}.*\n( *[~^ ]+\n)?)?", ""),
    (r"\d\d/\w{3}/\d{4}[: ]\d\d:\d\d:\d\d( \+\d{4})?", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d{3})?( \+\d{4})?", "TIME"),
    (r"\w+ \d+, \d{4} - \d\d:\d\d:\d\d", "TIME"),
    (r"\b127\.0\.0\.1:\d+", "ADDRESS"),
    (r"(?i)pid:? \d+|\[\d+\]|process \d+|worker-\d+|\(\d+\)", "PID"),
    (r"0x[0-9a-f]+", "ID"),
    (r"\b\d+\.\d+$", "DURATION"),
]
# Whether and how often these are said is a matter of milliseconds, also without the SDK.
NOT_COMPARED = ("socket.send() raised exception", "ASGI transport error", "GET /endless", "HEAD /stream")


class Running:
    """Started when entered, stopped when left."""

    def __init__(
        self, cell: Cell, folder: Path, *, platform_url: str = "", engine: str = "pyinstrument"
    ) -> None:
        self.cell = cell
        self._log = folder / f"{cell.name}-{'recorded' if platform_url else 'bare'}.log"
        self.port = free_port()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PERFPLATFORM_")},
            **dict(cell.variables),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(SDK)]),
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "REPORT": str(folder / "report.bin"),
            **(recording(platform_url, engine) if platform_url else {}),
        }

    def __enter__(self) -> Running:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [part.replace("PORT", str(self.port)) for part in self.cell.command],
                cwd=self._log.parent,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_for(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Ask it to end, as a service manager or somebody at a terminal does; its exit code."""
        self._process.send_signal(signal.SIGINT if self.cell.server == "development" else signal.SIGTERM)
        try:
            return self._process.wait(20)
        finally:
            # A reloader's child, or a worker that did not follow, belongs to its own session.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait_for(self, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def wait_until_quiet(self) -> None:
        """Until all is in the log: some servers write a line when the answer is long out."""
        said = ""
        while said != self.said():
            said = self.said()
            time.sleep(0.3)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5):
                return True
        except OSError:
            return False

    def ask(self, request: str, *, read: int = 10**9) -> bytes:
        """The bytes on the wire up to `read`, and where the stream paused, a mark; without times."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            connection.sendall(request.encode())
            last = time.monotonic()
            while len(answer) < read:
                try:
                    part = connection.recv(min(65536, read - len(answer)))
                except ConnectionResetError:
                    answer += b"<reset>"
                    break
                if not part:
                    break
                if answer and time.monotonic() - last > 0.4:
                    answer += b"<pause>"
                last = time.monotonic()
                answer += part
        return re.sub(rb"(?i)\r\ndate: [^\r]*", b"\r\nDate: -", answer)

    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def lines(self) -> Counter[str]:
        """What it said, each line so often, without what differs from one run to the next."""
        text = self.said().replace(str(self.port), "ADDRESS")
        text = re.sub(r"^( *)[|+]", r"\1 ", text, flags=re.MULTILINE)  # tracebacks of exception groups
        for pattern, replacement in VARYING:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        lines = [line.strip() for line in text.splitlines()]
        return Counter(line for line in lines if line and not any(words in line for words in NOT_COMPARED))


def free_port() -> int:
    """Below those that the system gives to connections: one of them could take it before the server does."""
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def recording(url: str, engine: str) -> dict[str, str]:
    """The variables with which an app records every request whole."""
    return {
        "RECORDED": "1",
        "PERFPLATFORM_URL": url,
        "PERFPLATFORM_KEY": KEY,
        "PERFPLATFORM_ENGINE": engine,
        "PERFPLATFORM_INTERVAL": "0.0001",
        "PERFPLATFORM_SAMPLE_INTERVAL": "0.001",
        "PERFPLATFORM_KEEP_FIRST": "1000",
        "PERFPLATFORM_EXIT_TIMEOUT": "10",
    }
