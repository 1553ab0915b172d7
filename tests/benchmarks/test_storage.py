"""The apps whose requests the storage benchmark records, and the file that it keeps recordings in."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from benchmarks.storage import APPS, VERSIONS
from benchmarks.storage_apps import release
from benchmarks.support.recorders import Archive, Recorded
from profiles import wire

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("version", [VERSIONS[0], pytest.param(VERSIONS[1], marks=pytest.mark.slow)])
def test_recorded_requests_are_valid_profiles_of_many_endpoints(app: str, version: str) -> None:
    command = [sys.executable, "-m", "benchmarks.storage_apps.recorder", app, version, "ab12"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as recorder:
        assert recorder.stdout
        lines = [recorder.stdout.readline() for _ in range(20)]
        recorder.kill()
    endpoints = {json.loads(line)["endpoint"] for line in lines}
    assert len(endpoints) == 16
    assert len(set(lines)) == 20
    item, table = wire.decode_profile(msgspec.Raw(lines[0]), now=datetime.now(UTC))
    assert (item.status, item.engine) == (200, "pyinstrument")
    assert table.strings


@pytest.mark.parametrize("app", APPS)
def test_second_version_is_another_source(app: str) -> None:
    """Every edit finds what it changes; otherwise both versions would share all of their lines."""
    source = (release.FOLDER / app / "views.py").read_text("utf-8")
    for before, after in release.EDITS[app]:
        assert before in source
        source = source.replace(before, after)
    compile(source, "views.py", "exec")


def test_archive_gives_back_what_was_added_by_version(tmp_path: Path) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    recorded = [Recorded("clinic", version, at, bytes([number])) for number, version in enumerate("121")]
    archive = Archive(tmp_path / "recordings")
    assert list(archive.of_version("1")) == []
    for one in recorded:
        archive.add(one)
    again = Archive(tmp_path / "recordings")
    assert list(again.of_version("1")) == [recorded[0], recorded[2]]
    assert list(again.of_version("2")) == [recorded[1]]
    assert list(Archive(None).of_version("1")) == []
