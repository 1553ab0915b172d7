"""The services of docker-compose.yml as plain processes, with its commands, environment and health checks.

What a container would give is put in its place by rewriting text, and this is all of it: the addresses
`mongo:27017`, `redis:6379` and port 8000 become ports of the loopback address, `/tmp` becomes a directory of
the service's own, and the image's paths those of the directory where dockerfile.py followed the Dockerfile.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy import stand_ins
from tests.deploy.compose_file import Service
from tests.deploy.dockerfile import Image
from tests.instance import free_port

STOP_WITHIN_S = 30
ADDRESSES = {"mongo": "mongo:27017", "redis": "redis:6379", "web": "127.0.0.1:8000"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the file says; here it becomes the loopback address.
TEMPORARY = "/tmp/"  # noqa: S108 - likewise.


@dataclass
class Stack:
    """Services that run below `directory`; `ports` are those of web, mongo and redis here."""

    services: dict[str, Service]
    image: Image
    directory: Path
    ports: dict[str, int] = field(default_factory=lambda: {n: free_port() for n in ("web", "mongo", "redis")})
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start the service after all that it depends on; return when it is healthy or, unchecked, done."""
        if name in self.running:
            return
        for other, condition in self.services[name].depends_on.items():
            self.start(other)
            if condition == "completed_successfully":
                assert self.running[other].returncode == 0, self.log(other)
        self.launch(name)
        if self.services[name].health_check:
            self.await_health(name)
        else:
            self.running[name].wait(timeout=120)

    def launch(self, name: str) -> None:
        self._temporary(name).mkdir(parents=True, exist_ok=True)
        with self._log_file(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                self._rewritten(name, self.services[name].command),
                cwd=self._working_directory(name),
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_health(self, name: str) -> None:
        check = self.services[name].health_check
        assert check
        deadline = time.monotonic() + check.start_period_s
        while not self.is_healthy(name):
            assert self.running[name].poll() is None, f"{name} ended: {self.log(name)}"
            assert time.monotonic() < deadline, f"{name} is not healthy: {self.log(name)}"
            # The file's own pause, but not so long that the test is kept waiting.
            time.sleep(min(check.start_interval_s, 1))

    def is_healthy(self, name: str) -> bool:
        check = self.services[name].health_check
        assert check
        try:
            return self.execute(name, check.command, timeout_s=check.timeout_s).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def execute(
        self, name: str, command: list[str], *, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """`docker compose exec NAME command`"""
        return subprocess.run(
            self._rewritten(name, command),
            cwd=self._working_directory(name),
            env=self.environment(name),
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def stop(self, name: str, *, signal_number: int = signal.SIGTERM) -> None:
        """End the service as Docker does, and see that none of its processes stays behind."""
        process = self.running.pop(name)
        if process.poll() is None:
            process.send_signal(signal_number)
        try:
            process.wait(timeout=STOP_WITHIN_S)
        finally:
            left = _end_session(process.pid)
        assert not left or signal_number == signal.SIGKILL, f"{name} left processes behind: {self.log(name)}"

    def stop_all(self) -> None:
        for name in reversed(list(self.running)):
            self.stop(name)

    def environment(self, name: str) -> dict[str, str]:
        """All that a process of the service sees: nothing of the surrounding environment."""
        service = self.services[name]
        own = {key: self._rewrite(name, value) for key, value in service.environment.items()}
        common = {"HOME": str(self._temporary(name)), "PATH": os.defpath}
        if "build" in service.definition:
            return common | self.image.environment | own
        common["PATH"] = f"{self._programs()}:{os.defpath}"
        place = {"STAND_IN_PORT": str(self.ports[name]), "STAND_IN_DATA": str(self.directory / name / "data")}
        return common | place | own

    def log(self, name: str) -> str:
        """The end of what the service has printed."""
        return self._log_file(name).read_text(errors="replace")[-4000:]

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    def _rewritten(self, name: str, command: list[str]) -> list[str]:
        return [self._rewrite(name, word) for word in command]

    def _rewrite(self, name: str, text: str) -> str:
        whole = {EVERYWHERE: "127.0.0.1", "8000": str(self.ports["web"])}
        for service, address in ADDRESSES.items():
            text = text.replace(address, self.address(service))
        return whole.get(text, text).replace(TEMPORARY, f"{self._temporary(name)}/")

    def _working_directory(self, name: str) -> Path:
        if "build" in self.services[name].definition:
            return self.image.place(self.image.working_directory)
        return self._temporary(name)

    def _programs(self) -> Path:
        programs = self.directory / "programs"
        if not programs.exists():
            programs.mkdir(parents=True)
            for name in stand_ins.PROGRAMS:
                words = [sys.executable, stand_ins.__file__, name]
                (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
                (programs / name).chmod(0o755)
        return programs

    def _temporary(self, name: str) -> Path:
        return self.directory / name / "tmp"

    def _log_file(self, name: str) -> Path:
        return self.directory / name / "log"


def _end_session(session: int) -> bool:
    """Kill what is left of the processes that a service started; True if there was any."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    time.sleep(0.5)
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
