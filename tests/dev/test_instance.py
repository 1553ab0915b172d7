"""What an instance keeps and tells: secrets, addresses, state."""

from __future__ import annotations

import json
import os
import stat
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest


def test_secrets_are_made_once_and_readable_by_their_owner_alone(dev: ModuleType, tmp_path: Path) -> None:
    first = dev.keep_secrets(tmp_path)
    assert dev.keep_secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert first["token"].startswith("ppt_")
    assert first["demo_key"].startswith("ppk_")
    assert all(len(first[name]) >= 43 for name in ("SECRET_KEY", "token", "demo_key"))
    assert len(first["password"]) == 16
    assert len(set(first.values())) == 4


def test_only_missing_secrets_are_made(dev: ModuleType) -> None:
    kept = dev.make_secrets({"password": "as it was"})
    assert kept["password"] == "as it was"
    assert kept["SECRET_KEY"]


@pytest.mark.parametrize(
    ("environ", "host", "public", "internal"),
    [
        ({}, "127.0.0.1", "http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ({}, "0.0.0.0", "http://127.0.0.1:8123", "http://127.0.0.1:8123"),  # noqa: S104
        ({}, "::", "http://[::1]:8123", "http://[::1]:8123"),
        (
            {"PUBLIC_URL": "https://perf.example.com/tools/perf/"},
            "127.0.0.1",
            "https://perf.example.com/tools/perf",
            "http://127.0.0.1:8123/tools/perf",
        ),
    ],
)
def test_addresses(dev: ModuleType, environ: dict[str, str], host: str, public: str, internal: str) -> None:
    assert dev.public_url(environ, host, 8123) == public
    assert dev.internal_url(public, host, 8123) == internal


def test_children_are_not_led_astray_by_the_persons_environment(dev: ModuleType) -> None:
    variables = dev.child_variables(
        {"PYTHONPATH": "/x", "PYTHONHOME": "/y", "NO_PROXY": "intranet", "LANG": "C"}
    )
    assert "PYTHONPATH" not in variables
    assert "PYTHONHOME" not in variables
    assert variables["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert variables["LANG"] == "C"
    assert variables["DEVELOPMENT"] == "1"


def test_status_of_nothing_keeps_its_shape(dev: ModuleType, tmp_path: Path) -> None:
    found = dev.status_of(tmp_path)
    assert found["ready"] is False
    assert found["pids"] == dict.fromkeys(("mongod", "valkey", "web", "worker", "beat", "demo", "traffic"))
    assert set(found) == {
        *("ready", "url", "username", "password", "token", "pids", "demo", "mongodb_uri", "redis_url"),
    }
    assert {found[name] for name in found if name not in ("ready", "pids")} == {None}


def test_a_state_whose_process_has_gone_is_not_running(dev: ModuleType) -> None:
    ours = dev.process_table()[os.getpid()].started
    assert dev.is_running({"pid": os.getpid(), "started": ours})
    assert not dev.is_running({"pid": os.getpid(), "started": "another time"})
    assert not dev.is_running({})


def test_fetch_reads_the_body_of_an_error_and_uses_no_proxy(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NotReady(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(json.dumps({"ready": False}).encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{dev.free_port()}")
    with HTTPServer(("127.0.0.1", 0), NotReady) as server:
        Thread(target=server.handle_request, daemon=True).start()
        assert dev.fetch(f"http://127.0.0.1:{server.server_port}/readyz") == {"ready": False}
    assert dev.fetch(f"http://127.0.0.1:{dev.free_port()}/readyz") == {}


def test_password_without_an_instance_says_what_makes_one(
    dev: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dev.main(["password", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "./dev: There is no instance yet: ./dev run makes one.\n"
    known = dev.keep_secrets(tmp_path)
    assert dev.main(["password", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{known['password']}\n"
