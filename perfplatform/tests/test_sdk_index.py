"""The package index and the command that fills it, over HTTP and with pip itself."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from perfplatform import sdk_index
from perfplatform.management.commands import build_sdk

FILES = "/sdk/simple/perfplatform-sdk/"


class Links(HTMLParser):
    """The anchors of a page, as pip reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def write_source(directory: Path, *, version: str = "0.3.0", body: str = "") -> Path:
    """A package like sdk/, but small and of the test's own making."""
    package = directory / "perfplatform_sdk"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(f'"""Record profiles."""\n\n__version__ = "{version}"\n{body}\n')
    (directory / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
        '[project]\nname = "perfplatform-sdk"\nrequires-python = ">=3.9"\n'
        'dynamic = ["version", "description"]\n'
        '[tool.flit.module]\nname = "perfplatform_sdk"\n'
    )
    return directory


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source")


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return tmp_path / "dist"


@pytest.fixture
def client(dist: Path) -> Any:
    with override_settings(SDK_DIST_DIR=dist):
        yield Client()


def publish(source: Path, dist: Path, scratch: Path) -> bool:
    scratch.mkdir()
    return build_sdk.publish(build_sdk.build(source, scratch), dist)


@pytest.fixture
def wheel(source: Path, dist: Path, tmp_path: Path) -> Path:
    assert publish(source, dist, tmp_path / "first")
    (found,) = dist.iterdir()
    return found


def test_root_leads_to_the_wheel_by_relative_links(client: Client, wheel: Path) -> None:
    root = client.get("/sdk/simple/")
    assert root["Content-Type"] == "text/html; charset=utf-8"
    (project,) = Links(root.text).found
    assert urljoin("/sdk/simple/", project["href"]) == FILES
    page = client.get(FILES)
    (link,) = Links(page.text).found
    address, fragment = urldefrag(str(link["href"]))
    assert "://" not in address
    assert not address.startswith("/")
    assert fragment == f"sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}"
    assert link["data-requires-python"] == ">=3.9"
    answer = client.get(urljoin(FILES, address))
    assert answer.content == wheel.read_bytes()
    assert answer["Content-Type"] == "application/octet-stream"


def test_json_form_says_the_same(client: Client, wheel: Path) -> None:
    pip_accepts = f"{sdk_index.SIMPLE_JSON}, {sdk_index.SIMPLE_HTML}; q=0.1, text/html; q=0.01"
    root = client.get("/sdk/simple/", headers={"accept": pip_accepts})
    assert root["Content-Type"] == sdk_index.SIMPLE_JSON
    assert root.json() == {"meta": {"api-version": "1.0"}, "projects": [{"name": "perfplatform-sdk"}]}
    answer = client.get(FILES, headers={"accept": pip_accepts})
    (file,) = answer.json()["files"]
    assert file["filename"] == wheel.name
    assert file["hashes"] == {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    assert file["requires-python"] == ">=3.9"
    assert client.get(urljoin(FILES, file["url"])).status_code == 200
    assert "Accept" in answer["Vary"]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        (sdk_index.SIMPLE_HTML, f"{sdk_index.SIMPLE_HTML}; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
    ],
)
def test_answers_in_the_type_that_was_asked_for(
    client: Client, wheel: Path, accept: str, content_type: str
) -> None:
    assert client.get(FILES, headers={"accept": accept})["Content-Type"] == content_type


@pytest.mark.parametrize("name", ["perfplatform_sdk", "Perfplatform.SDK", "perfplatform--sdk"])
def test_other_spellings_are_redirected(client: Client, wheel: Path, name: str) -> None:
    asked = f"/sdk/simple/{name}/"
    answer = client.get(asked)
    assert answer.status_code == 301
    assert urljoin(asked, answer["Location"]) == FILES


def test_unknown_names_are_404_so_that_pip_asks_elsewhere(client: Client, wheel: Path) -> None:
    assert client.get("/sdk/simple/requests/").status_code == 404
    answer = client.get("/sdk/files/perfplatform_sdk-9.9-py3-none-any.whl")
    assert answer.status_code == 404
    assert wheel.name in answer.text


@pytest.mark.parametrize(
    "path", ["/sdk/simple/", FILES, "/sdk/files/perfplatform_sdk-0.1.0-py3-none-any.whl"]
)
def test_without_a_wheel_the_cure_is_named(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert "./manage.py build_sdk" in answer.text


def test_copies_are_asked_about_and_not_sent_again(client: Client, wheel: Path) -> None:
    for path in ("/sdk/simple/", FILES, f"/sdk/files/{wheel.name}"):
        first = client.get(path)
        assert first["Cache-Control"] == "no-cache"
        again = client.get(path, headers={"if-none-match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_html_and_json_have_different_tags(client: Client, wheel: Path) -> None:
    html = client.get(FILES)
    json = client.get(FILES, headers={"accept": sdk_index.SIMPLE_JSON, "if-none-match": html["ETag"]})
    assert json.status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_can_be_written(client: Client, wheel: Path, method: str) -> None:
    assert getattr(client, method)(FILES).status_code == 405


def test_no_cookie_is_set(client: Client, wheel: Path) -> None:
    for path in ("/sdk/simple/", FILES, f"/sdk/files/{wheel.name}"):
        assert not client.get(path).cookies


def test_equal_sources_give_equal_bytes_whenever_built(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    one = build_sdk.build(source, first).read_bytes()
    for file in source.rglob("*"):
        os.utime(file, (time.time() - 5000, time.time() - 5000))
    assert build_sdk.build(source, second).read_bytes() == one


def test_an_unchanged_wheel_is_left_alone(source: Path, dist: Path, wheel: Path, tmp_path: Path) -> None:
    before = wheel.stat()
    assert not publish(source, dist, tmp_path / "second")
    after = wheel.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_rebuilt_wheel_of_the_same_name_is_served_at_once(
    client: Client, source: Path, dist: Path, wheel: Path, tmp_path: Path
) -> None:
    before = client.get(FILES).text
    write_source(source, body="ADDED = True")
    assert publish(source, dist, tmp_path / "second")
    after = client.get(FILES).text
    assert after != before
    content = client.get(f"/sdk/files/{wheel.name}").content
    assert hashlib.sha256(content).hexdigest() in after
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"ADDED" in archive.read("perfplatform_sdk/__init__.py")


def test_only_the_current_version_stays(
    client: Client, source: Path, dist: Path, wheel: Path, tmp_path: Path
) -> None:
    (dist / "notes.txt").write_text("not ours")
    write_source(source, version="0.4.0")
    assert publish(source, dist, tmp_path / "second")
    left = sorted(file.name for file in dist.iterdir())
    assert left == ["notes.txt", "perfplatform_sdk-0.4.0-py3-none-any.whl"]
    assert "0.4.0" in client.get(FILES).text


@pytest.mark.e2e
def test_processes_that_build_at_once_leave_one_whole_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "build_sdk"]
    environment = {**os.environ, "DEVELOPMENT": "1", "SDK_DIST_DIR": str(tmp_path / "dist")}
    builds = [subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment) for _ in range(4)]
    assert [build.wait(timeout=60) for build in builds] == [0, 0, 0, 0]
    (only,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(only) as archive:
        assert archive.testzip() is None


def test_the_sdk_of_this_repository_becomes_a_wheel_with_its_licence(dist: Path) -> None:
    with override_settings(SDK_DIST_DIR=dist):
        out = io.StringIO()
        call_command("build_sdk", stdout=out)
        assert out.getvalue().rstrip().endswith("built")
        out = io.StringIO()
        call_command("build_sdk", stdout=out)
        assert out.getvalue().rstrip().endswith("up to date")
    (wheel,) = dist.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "perfplatform_sdk/__init__.py" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if "/tests/" in name]


def test_a_missing_source_is_said_in_one_sentence(tmp_path: Path) -> None:
    with (
        override_settings(BASE_DIR=tmp_path, SDK_DIST_DIR=tmp_path / "dist"),
        pytest.raises(CommandError, match=r"no SDK to build in .*: pyproject\.toml is missing"),
    ):
        call_command("build_sdk")


def test_a_broken_source_is_said_in_one_sentence(source: Path, tmp_path: Path) -> None:
    (source / "perfplatform_sdk" / "__init__.py").write_text("no docstring")
    with pytest.raises(CommandError, match="can't be built") as raised:
        build_sdk.build(source, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_directory_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file, where a directory should be")
    with (
        override_settings(SDK_DIST_DIR=tmp_path / "dist"),
        pytest.raises(CommandError, match="can't be written to"),
    ):
        call_command("build_sdk")
