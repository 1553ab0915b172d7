"""The virtual environment: made once, filled again when a requirement file changes, mended when broken."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def environment(dev: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An environment with one requirement file, which needs no index, installed."""
    made = dev.Environment(tmp_path_factory.mktemp("environment") / "venv")
    requirements(made).write_text("# nothing yet\n")
    prepare(dev, made)
    return made


def requirements(environment: Any) -> Path:
    path: Path = environment.folder.parent / "requirements.txt"
    return path


def prepare(dev: ModuleType, environment: Any) -> None:
    here = dev.Interpreter(sys.executable, sys.version_info[:2])
    environment.prepare([requirements(environment)], command="test", interpreter=here)


@pytest.mark.e2e
def test_a_second_start_neither_makes_nor_installs_anything(
    dev: ModuleType, environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(dev, environment)
    assert capsys.readouterr().out == ""


@pytest.mark.e2e
def test_a_changed_file_is_installed_again(
    dev: ModuleType, environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    requirements(environment).write_text("# something else\n")
    prepare(dev, environment)
    said = capsys.readouterr().out
    assert "Making" not in said
    assert "Installing requirements.txt" in said


@pytest.mark.e2e
def test_a_broken_interpreter_is_replaced(
    dev: ModuleType, environment: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    python = Path(environment.python)
    python.unlink()
    python.symlink_to("/nowhere/python3")
    prepare(dev, environment)
    said = capsys.readouterr().out
    assert f"Making venv with Python {sys.version_info[0]}.{sys.version_info[1]} (" in said
    assert "Installing requirements.txt" in said
    assert subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


@pytest.mark.e2e
def test_an_index_that_does_not_answer_is_explained(
    dev: ModuleType, environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a real pip, and the next start tries again."""
    kept = requirements(environment).read_text()
    requirements(environment).write_text(f"nowhere-to-be-found==1 --hash=sha256:{64 * '0'}\n")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{dev.free_port()}/simple")
    stamp = dev.read_json(environment.stamp)
    try:
        with pytest.raises(
            dev.Trouble, match=r"can't be reached.*PIP_INDEX_URL=<your mirror>/simple \./dev test"
        ):
            prepare(dev, environment)
    finally:
        requirements(environment).write_text(kept)
    assert dev.read_json(environment.stamp) == stamp


def test_what_more_was_installed_is_no_reason_to_install_again(dev: ModuleType) -> None:
    stamp = {"requirements.txt": "a", "requirements-dev.txt": "b"}
    assert dev.is_installed({"requirements.txt": "a"}, stamp)
    assert not dev.is_installed({"requirements.txt": "c"}, stamp)
    assert not dev.is_installed({"requirements-embedded.txt": "d"}, stamp)
    assert not dev.is_installed({"requirements.txt": "a"}, {})


def test_a_folder_is_held_by_one_at_a_time(dev: ModuleType, tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with dev.exclusively(tmp_path):
            order.append("second")

    with dev.exclusively(tmp_path):
        with pytest.raises(dev.Trouble, match="taken"), dev.exclusively(tmp_path, or_say="taken"):
            pass
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        order.append("first")
    waiting.join(timeout=10)
    assert order == ["first", "second"]
