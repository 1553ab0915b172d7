"""Finding a Python that is new enough."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_first_new_enough_one_is_taken(dev: ModuleType) -> None:
    old, fit, newer = (dev.Interpreter(f"/p{minor}", (3, minor)) for minor in (9, 11, 13))
    assert dev.choose_interpreter([old, None, fit, newer]) == fit


def test_nothing_is_asked_after_the_first_fitting_one(dev: ModuleType) -> None:
    def found() -> Iterator[object]:
        yield dev.Interpreter("/p", (3, 12))
        raise AssertionError("asked on")

    assert dev.choose_interpreter(found()).path == "/p"


def test_without_one_the_person_is_told_how_to_get_it(dev: ModuleType) -> None:
    with pytest.raises(dev.Trouble, match=r"3\.11 or newer.*apt install python3\.11 python3\.11-venv.*pyenv"):
        dev.choose_interpreter([None, dev.Interpreter("/p", (3, 10))])


def test_it_starts_with_itself_and_knows_pyenv_and_py(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    (tmp_path / "versions" / "3.12.4").mkdir(parents=True)
    commands = dev.interpreter_commands()
    assert commands[0] == [sys.executable]
    assert ["python3.11"] in commands
    assert [str(tmp_path / "versions/3.12.4/bin/python")] in commands
    assert ["py", "-3.13"] in commands


def test_a_working_interpreter_says_what_it_is(dev: ModuleType) -> None:
    found = dev.ask_interpreter([sys.executable])
    assert found.version == sys.version_info[:2]
    assert Path(found.path).samefile(sys.executable)


@pytest.mark.parametrize("text", ["exit 127", "echo nonsense", "echo '[]'"])
def test_a_broken_one_counts_as_none(dev: ModuleType, tmp_path: Path, text: str) -> None:
    assert dev.ask_interpreter([str(script(tmp_path / "python", text))]) is None
    assert dev.ask_interpreter([str(tmp_path / "missing")]) is None


def test_an_exact_version_is_not_replaced_by_another(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """pyenv's shim python3.9 may answer with another version."""
    script(tmp_path / "bin" / "python3.9", f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert dev.find_python("3.9") is None
