"""The file itself: what it may import, and on which Pythons it starts."""

from __future__ import annotations

import ast
import subprocess
import sys
from types import ModuleType

import pytest

from tests.conftest import ROOT

SOURCE = (ROOT / "dev").read_text()


def test_it_needs_only_the_standard_library() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert "argparse" in imported
    assert imported <= sys.stdlib_module_names


def test_its_syntax_is_that_of_python_3_9() -> None:
    ast.parse(SOURCE, feature_version=(3, 9))


@pytest.mark.e2e
def test_it_starts_on_every_python_of_this_machine(dev: ModuleType) -> None:
    found = [interpreter for interpreter in map(dev.find_python, dev.SDK_PYTHONS) if interpreter]
    assert found
    for interpreter in found:
        command = [interpreter.path, ROOT / "dev", "run", "--help"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, (interpreter, done.stderr)
        assert "--no-demo" in done.stdout


def test_help_names_every_command() -> None:
    done = subprocess.run([ROOT / "dev", "--help"], capture_output=True, text=True)
    for command in ("run", "status", "password", "test", "lint", "manage", "bench", "lock"):
        assert f"\n  {command} " in done.stdout.replace("    ", "  ")


@pytest.mark.parametrize(
    ("arguments", "ours", "handed_on"),
    [
        (["test"], ["test"], []),
        (["test", "--all"], ["test", "--all"], []),
        (["test", "-m", "e2e", "tests/dev"], ["test"], ["-m", "e2e", "tests/dev"]),
        (["manage", "--data", "d", "shell", "-c", "1"], ["manage", "--data", "d"], ["shell", "-c", "1"]),
        (["manage", "--data=d", "check", "--data", "x"], ["manage", "--data=d"], ["check", "--data", "x"]),
        (["bench", "ingest", "--json", "f"], ["bench", "ingest"], ["--json", "f"]),
        (["bench"], ["bench"], []),
        (["test", "--help"], ["test", "--help"], []),
        (["run", "--port", "1"], ["run", "--port", "1"], []),
        ([], [], []),
    ],
)
def test_what_is_not_ours_is_handed_on_as_it_is(
    dev: ModuleType, arguments: list[str], ours: list[str], handed_on: list[str]
) -> None:
    assert dev.split_arguments(arguments) == (ours, handed_on)


def test_an_unknown_command_is_refused() -> None:
    done = subprocess.run([ROOT / "dev", "fly"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "invalid choice" in done.stderr


def test_windows_is_told_of_wsl2(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev.os, "name", "nt")
    status = dev.main(["run"])
    monkeypatch.undo()
    assert status == 1
    assert "WSL2" in capsys.readouterr().err
