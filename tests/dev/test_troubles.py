"""What goes wrong is one sentence with its cure."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT
from tests.dev.test_interpreter import script


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "WARNING: Retrying: ReadTimeoutError: Read timed out. (read timeout=15)",
            "PIP_INDEX_URL=<your mirror>/simple ./dev run",
        ),
        (
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "PIP_INDEX_URL=",
        ),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "mirror"),
        (
            "Collecting x\nERROR: No matching distribution found for x==1",
            "No matching distribution found for x==1; if the index is the reason, set a mirror",
        ),
        ("", "it gave no reason"),
    ],
)
def test_pip(dev: ModuleType, output: str, sentence: str) -> None:
    assert sentence in dev.explain_pip(output, "run")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("not created successfully because ensurepip is not available", "sudo apt install python3.11-venv"),
        ("/usr/bin/python3: No module named venv", "sudo apt install python3.11-venv"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("Error: something else", "Error: something else"),
    ],
)
def test_virtual_environment(dev: ModuleType, output: str, sentence: str) -> None:
    assert sentence in dev.explain_venv(output, "/usr/bin/python3.11", "3.11")


@pytest.mark.parametrize(
    ("code", "tail", "sentence"),
    [
        (
            127,
            "error while loading shared libraries: libssl.so.3: cannot open",
            "sudo apt install libcurl4 libssl3",
        ),
        (1, "[Errno 98] Address already in use", "--port"),
        (100, "No space left on device", "disk is full"),
        (
            62,
            "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document",
            "Another version of mongod",
        ),
        (-signal.SIGILL, "", "AVX"),
        (-signal.SIGKILL, "", "killed by SIGKILL"),
        (3, "whatever", "exit code 3"),
    ],
)
def test_an_ended_program(dev: ModuleType, code: int, tail: str, sentence: str) -> None:
    assert sentence in dev.explain_end("mongod", code, tail)


def test_a_full_disk_and_a_folder_of_others(dev: ModuleType) -> None:
    assert "disk is full" in dev.explain_os_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/srv/data")
    assert dev.explain_os_error(refused).startswith("/srv/data can't be written")


def test_little_space_is_said_before_the_start(dev: ModuleType) -> None:
    dev.check_space(Path("/data"), 2_000_000_000)
    with pytest.raises(dev.Trouble, match=r"Only 90 MB are free at /data.*--data"):
        dev.check_space(Path("/data"), 90_000_000)


def test_an_interpreter_without_venv_leaves_nothing_behind(dev: ModuleType, tmp_path: Path) -> None:
    says = "The virtual environment was not created successfully because ensurepip is not available."
    python = script(tmp_path / "python", f"mkdir -p {tmp_path}/venv; echo '{says}'; exit 1")
    environment = dev.Environment(tmp_path / "venv")
    with pytest.raises(dev.Trouble, match=r"sudo apt install python3\.12-venv"):
        environment.prepare([], command="run", interpreter=dev.Interpreter(str(python), (3, 12)))
    assert not (tmp_path / "venv").exists()


def test_no_python_that_fits_is_one_sentence_and_no_traceback(dev: ModuleType, tmp_path: Path) -> None:
    """A copy of the script, started by an old Python that can see no other one."""
    old = dev.find_python("3.9") or dev.find_python("3.10")
    if old is None:
        pytest.skip("this machine has no Python older than 3.11")
    copy = tmp_path / "dev"
    copy.write_bytes((ROOT / "dev").read_bytes())
    variables = {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    done = subprocess.run(
        [old.path, copy, "run", "--port", str(dev.free_port())], env=variables, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("./dev: Python 3.11 or newer is needed")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eighty"])
def test_a_port_that_is_none_is_refused(
    dev: ModuleType, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        dev.main(["run", "--port", text])
    assert "argument --port" in capsys.readouterr().err


def test_a_taken_port_names_itself_and_the_option(dev: ModuleType, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [
            sys.executable,
            str(ROOT / "dev"),
            "run",
            "--data",
            str(tmp_path / "data"),
            "--port",
            str(port),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"./dev: Port {port} is taken: choose another one with --port {port + 1}\n"
