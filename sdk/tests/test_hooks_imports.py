from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from perfplatform_sdk import hooks
from perfplatform_sdk.hooks.imports import ImportWatch

NAMES = ("watched_one", "watched_two", "watched_broken", "watched_absent")


@pytest.fixture
def imported() -> Iterator[list[tuple[str, Any]]]:
    """Names and values of watched modules, as they were told of."""
    told: list[tuple[str, Any]] = []
    watch = ImportWatch(NAMES, lambda name, module: told.append((name, module.value)))
    watch.start()
    watch.start()
    yield told
    watch.stop()
    watch.stop()
    assert watch not in sys.meta_path
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "watched_one.py").write_text("loader = dict(vars(__loader__))\nvalue = 1\n")
    (tmp_path / "watched_two.py").write_text("import watched_one\nvalue = watched_one.value + 1\n")
    (tmp_path / "watched_broken.py").write_text("value = 1\nraise LookupError('broken')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_module_is_told_of_when_its_code_has_run_and_is_what_it_is(
    folder: Path, imported: list[tuple[str, Any]]
) -> None:
    module = importlib.import_module("watched_one")
    assert imported == [("watched_one", 1)]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    assert module.loader == vars(module.__loader__)
    assert "exec_module" not in vars(module.__loader__)
    importlib.reload(module)
    assert imported == [("watched_one", 1)] * 2


def test_module_that_imports_another_is_told_of_after_it(
    folder: Path, imported: list[tuple[str, Any]]
) -> None:
    importlib.import_module("watched_two")
    assert imported == [("watched_one", 1), ("watched_two", 2)]


def test_broken_and_absent_modules_raise_as_ever(folder: Path, imported: list[tuple[str, Any]]) -> None:
    with pytest.raises(LookupError, match="broken"):
        importlib.import_module("watched_broken")
    with pytest.raises(ModuleNotFoundError, match="No module named 'watched_absent'"):
        importlib.import_module("watched_absent")
    assert importlib.util.find_spec("watched_absent") is None
    assert "watched_broken" not in sys.modules
    assert imported == []


def test_to_look_for_a_module_is_not_to_import_it(folder: Path, imported: list[tuple[str, Any]]) -> None:
    spec = importlib.util.find_spec("watched_one")
    assert spec is not None
    assert spec.origin == str(folder / "watched_one.py")
    assert imported == []


def test_modules_in_a_zip_file_share_a_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imported: list[tuple[str, Any]]
) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("watched_two.py", "import unwatched, watched_one\nvalue = watched_one.value + 1\n")
        archive.writestr("watched_one.py", "value = 1\n")
        archive.writestr("unwatched.py", "value = 0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "app.zip"))
    # Looked for, not imported: its loader is listened to, and loads another one first.
    assert importlib.util.find_spec("watched_one") is not None
    importlib.import_module("unwatched")
    assert imported == []
    module = importlib.import_module("watched_two")
    assert module.value == 2
    # Before Python 3.10 this loader has no way to listen to it.
    told = [("watched_one", 1), ("watched_two", 2)] if sys.version_info >= (3, 10) else []
    assert imported == told
    assert "exec_module" not in vars(module.__loader__)
    del sys.modules["unwatched"]


def test_two_watches_hear_of_the_same_module(folder: Path, imported: list[tuple[str, Any]]) -> None:
    told: list[str] = []
    other = ImportWatch(("watched_one",), lambda name, _: told.append(name))
    other.start()
    importlib.import_module("watched_one")
    other.stop()
    assert imported == [("watched_one", 1)]
    assert told == ["watched_one"]


def run_python(script: str) -> Any:
    """What the script prints, as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_libraries_are_hooked_when_the_app_imports_them_and_none_is_imported_for_it() -> None:
    found = run_python("""
        import json, sys
        from perfplatform_sdk import hooks
        hooks.install()
        libraries = ("django", "httpx", "pymongo", "redis", "sqlalchemy")
        before = [name for name in libraries if name in sys.modules]
        import django.db.backends.signals, httpx, pymongo.monitoring, redis.asyncio, requests, urllib3
        import sqlalchemy.engine
        from perfplatform_sdk.hooks.pymongo import _listener
        methods = [
            httpx.Client.send, httpx.AsyncClient.send, redis.Redis.execute_command,
            redis.asyncio.Redis.execute_command, redis.client.Pipeline.execute, requests.Session.send,
            urllib3.HTTPConnectionPool.urlopen, sqlalchemy.engine.default.DefaultDialect.do_execute,
        ]
        print(json.dumps({
            "before": before,
            "wrapped": [hasattr(method, "__wrapped__") for method in methods],
            "django": django.db.backends.signals.connection_created.has_listeners(),
            "pymongo": _listener in pymongo.monitoring._LISTENERS.command_listeners,
        }))
    """)
    assert found == {"before": [], "wrapped": [True] * 8, "django": True, "pymongo": True}


def test_library_that_is_unlike_those_we_know_is_named_and_works(
    monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], list[str]]
) -> None:
    import requests.sessions

    monkeypatch.delattr(requests.sessions.Session, "send")
    hooks.install()
    assert warnings() == ["perfplatform: calls of requests.sessions are not counted: KeyError('send')"]
    hooks.uninstall()


@pytest.mark.slow
def test_reloaded_library_is_hooked_again() -> None:
    found = run_python("""
        import importlib, json
        from perfplatform_sdk import hooks
        hooks.install()
        import requests.sessions
        before = requests.sessions.Session
        importlib.reload(requests.sessions)
        after = requests.sessions.Session
        methods = (before.send, after.send)
        print(json.dumps([before is after, *[hasattr(method, "__wrapped__") for method in methods]]))
    """)
    assert found == [False, True, True]
