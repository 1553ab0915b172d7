from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from flask import Flask

from flask_shop import create_app

EXAMPLES = Path(__file__).resolve().parents[2]


class Start(Protocol):
    """Starts `python -m ...`."""

    def __call__(self, *arguments: str, **environment: str) -> subprocess.Popen[str]: ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who starts a program is no unit test."""
    for item in items:
        if "start" in getattr(item, "fixturenames", ()) and EXAMPLES in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_machine() -> Iterator[None]:
    """Run the tests without the shop's settings that the environment may hold."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in list(os.environ):
            if name.startswith(("SHOP_", "PERFPLATFORM_")):
                monkeypatch.delenv(name)
        yield


@pytest.fixture(scope="session")
def shop_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of one database for all tests: no request writes to it."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="session")
def shops(nothing_of_the_machine: None, shop_data: Path) -> dict[str, Flask]:
    """Both releases by name."""
    both = ("1.0", "1.1")
    return {name: create_app({"SHOP_VERSION": name, "SHOP_DATA": str(shop_data)}) for name in both}


@pytest.fixture
def start(shop_data: Path) -> Iterator[Start]:
    """Start a program of the shop; what still runs after the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start_module(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        own = {"PYTHONPATH": str(EXAMPLES), "SHOP_DATA": str(shop_data), "PORT": "0", **environment}
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_module
    for process in started:
        process.kill()
        process.communicate()
