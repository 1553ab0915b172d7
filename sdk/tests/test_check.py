"""`perfplatform-run --check`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Callable

import fake_platform as fakes
import pytest
from fake_platform import KEY, FakePlatform

from perfplatform_sdk.run import main


def test_check_says_what_it_found_and_sends_a_profile(
    platform: FakePlatform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    warnings: Callable[[], list[str]],
) -> None:
    (tmp_path / "perfplatform.json").write_text('{"environment": "staging", "engine": "none", "colour": 1}')
    platform.settings = {"keep_per_minute": 3}
    monkeypatch.chdir(tmp_path)
    for name, value in {"KEY": KEY, "URL": platform.url, "VERSION": "1.4.2"}.items():
        monkeypatch.setenv(f"PERFPLATFORM_{name}", value)
    assert main(["--check"]) == 0
    said = capsys.readouterr()
    assert (said.err, warnings()) == ("", [])
    (profile,) = platform.profiles
    for line in (
        f"  key: {KEY[:10]}… (PERFPLATFORM_KEY)",
        f"  url: {platform.url} (PERFPLATFORM_URL)",
        "  environment: staging (perfplatform.json)",
        "  version: 1.4.2 (PERFPLATFORM_VERSION)",
        "  engine: none (perfplatform.json)",
        "  WRONG, left out: perfplatform.json: colour: no such setting",
        f"Platform: {platform.url} answers, and the key is good",
        "  it sets keep_per_minute: 3",
        f"Test profile: {platform.url}/profiles/{profile['id']}/",
    ):
        assert line in said.out.splitlines()
    assert f"flask {version('flask')}" in said.out
    assert KEY not in said.out
    assert (profile["endpoint"], profile["engine"]) == ("perfplatform-run --check", "sampler")
    assert "pformat" in profile["session"]["strings"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PERFPLATFORM_KEY": ""}, "FAILED: PERFPLATFORM_KEY must be set"),
        ({"PERFPLATFORM_KEY": "", "PERFPLATFORM_URL": ""}, "PERFPLATFORM_KEY and PERFPLATFORM_URL must"),
        ({"PERFPLATFORM_ENABLED": "0"}, "FAILED: recording is switched off by the setting enabled"),
        ({"PERFPLATFORM_URL": "http://127.0.0.1:9"}, "does not take the data (no answer"),
    ],
)
def test_check_says_what_is_missing(
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    said: str,
) -> None:
    for name, value in {"PERFPLATFORM_URL": platform.url, "PERFPLATFORM_KEY": KEY, **change}.items():
        monkeypatch.setenv(name, value)
    assert main(["--check"]) == 1
    assert said in capsys.readouterr().out
    assert platform.posts == []


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (fakes.status(401), "refuses the key (status 401)"),
        (fakes.status(500), "does not take the data (status 500)"),
        (fakes.nonsense, "does not take the data (status 202, but not an answer of the platform)"),
    ],
)
def test_check_says_what_the_platform_says(
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trouble: fakes.Behaviour,
    said: str,
) -> None:
    monkeypatch.setenv("PERFPLATFORM_URL", platform.url)
    monkeypatch.setenv("PERFPLATFORM_KEY", KEY)
    platform.behaviour = trouble
    assert main(["--check"]) == 1
    assert said in capsys.readouterr().out
    assert len(platform.posts) == 1


def test_check_says_that_the_platform_has_switched_it_off(
    platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PERFPLATFORM_URL", platform.url)
    monkeypatch.setenv("PERFPLATFORM_KEY", KEY)
    platform.settings = {"enabled": False}
    assert main(["--check"]) == 1
    assert "FAILED: recording is switched off on the platform" in capsys.readouterr().out
