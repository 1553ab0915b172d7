"""A `./dev run` of one's own: temporary data, a free port, and what a test asks of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from tests.conftest import ROOT

# What ./dev test sets for the tests beside us, or a person for the instance they use.
NOT_OURS = ("MONGODB_URI", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "DJANGO_SETTINGS_MODULE", "SDK_DIST_DIR")


def wait_until(condition: Callable[[], object], seconds: float, otherwise: Callable[[], str] = str) -> None:
    """Fails with what `otherwise()` says if `condition()` is not true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise() or f"it did not happen within {seconds:.0f} s"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descendants(pid: int) -> set[int]:
    """The children of a process, theirs, and so on."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if folder.name.isdigit() and fields[0] not in "ZX":
            parents[int(folder.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Instance:
    """Start it, ask it, stop it: as often as one likes, the data stays in `folder`."""

    def __init__(
        self, folder: Path, *, demo: bool = True, variables: Mapping[str, str] | None = None
    ) -> None:
        self.data = folder / "data"
        self.log = folder / "dev.log"
        self.port = free_port()
        self.demo = demo
        kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        self.variables = {**kept, **(variables or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.http = requests.Session()
        self.http.trust_env = False

    def start(self, *, seconds: float = 150) -> dict[str, Any]:
        """Starts it and returns its status once the block is printed and it is ready."""
        command = [*self.command("run"), "--port", str(self.port), *([] if self.demo else ["--no-demo"])]
        with self.log.open("wb") as log:
            # In our own process group: whoever ends the tests ends it too.
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(lambda: "is ready" in self.output or not self.runs, seconds, lambda: self.output)
        assert self.runs, self.output
        found = self.status()
        assert found["ready"], found
        return found

    def command(self, name: str) -> list[str]:
        return [sys.executable, str(ROOT / "dev"), name, "--data", str(self.data)]

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def output(self) -> str:
        return self.log.read_text()

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another ./dev command on the same data."""
        return subprocess.run(
            [*self.command(arguments[0]), *arguments[1:]],
            cwd=ROOT,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("status", "--json").stdout)
        return found

    def stop(self, number: int = signal.SIGINT) -> int:
        """Sends the signal and returns the exit code."""
        assert self.process
        if self.runs:
            self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def wait_for_its_end(self) -> int:
        assert self.process
        return self.process.wait(timeout=60)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def api(self, method: str, path: str, **more: Any) -> Any:
        """`data` of a successful answer of the REST API, asked with the administrator's token."""
        token = json.loads((self.data / "secrets.json").read_text())["token"]
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.http.request(method, self.url(f"/api/v1/{path}"), headers=headers, timeout=60, **more)
        assert answer.ok, (answer.status_code, answer.text)
        return answer.json()["data"]

    def post_batch(self, key: str, batch: Mapping[str, Any]) -> requests.Response:
        return requests.post(
            self.url("/api/v1/ingest/"), json=batch, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def profile_ids(self, project_id: str) -> set[str]:
        """The ids of all profiles of a project, page by page."""
        found: set[str] = set()
        cursor = ""
        while True:
            parameters = {"page_size": "100", **({"cursor": cursor} if cursor else {})}
            data = self.api("GET", f"projects/{project_id}/profiles/", params=parameters)
            found |= {item["id"] for item in data["items"]}
            cursor = data["pagination"].get("next_cursor") or ""
            if not cursor:
                return found
