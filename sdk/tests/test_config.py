from __future__ import annotations

from typing import Any, Callable

import pytest
from fake_platform import KEY

import perfplatform_sdk
from perfplatform_sdk import client
from perfplatform_sdk.config import Config, load

URL = "https://perf.example.com/tools/perf"


def test_arguments_go_before_the_environment_and_that_before_defaults() -> None:
    environ = {
        "PERFPLATFORM_ENVIRONMENT": "staging",
        "PERFPLATFORM_SLOW_THRESHOLD": "0.5",
        "PERFPLATFORM_KEY": KEY,
    }
    config = load({"environment": "qa", "url": URL + "/", "version": None}, environ)
    assert config == Config(key=KEY, url=URL, environment="qa", slow_threshold=0.5)


@pytest.mark.parametrize(
    ("environ", "version"),
    [
        ({}, "unversioned"),
        ({"GIT_COMMIT": "9fceb02"}, "9fceb02"),
        ({"GIT_COMMIT": "9fceb02", "CI_COMMIT_SHA": "aaaa"}, "aaaa"),
        ({"CI_COMMIT_SHA": "aaaa", "CI_COMMIT_TAG": "v1"}, "v1"),
        ({"CI_COMMIT_TAG": "v1", "PERFPLATFORM_VERSION": "1.4.2"}, "1.4.2"),
        ({"CI_COMMIT_TAG": ""}, "unversioned"),
    ],
)
def test_version_by_default(environ: dict[str, str], version: str) -> None:
    assert load({}, environ).version == version
    assert load({"version": "mine"}, environ).version == "mine"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("key", "ppt_not-a-project-key"),
        ("key", "ppk_with\nnewline"),
        ("key", 5),
        ("url", "perf.example.com"),
        ("url", "ftp://perf.example.com"),
        ("url", "http://"),
        ("url", "http://host:port"),
        ("url", b"http://host"),
        ("enabled", "perhaps"),
        ("environment", "x" * 65),
        ("environment", "a\nb"),
        ("environment", 3),
        ("version", "x" * 129),
        ("engine", "sampler2000"),
        ("interval", "fast"),
        ("interval", 0),
        ("interval", float("nan")),
        ("slow_threshold", -1),
        ("flush_interval", float("inf")),
        ("exit_timeout", [3]),
        ("queue_items", "many"),
        ("queue_bytes", 10**30),
    ],
)
def test_wrong_value_is_named_once_and_the_next_best_is_used(
    name: str, wrong: Any, warnings: Callable[[], list[str]]
) -> None:
    assert load({name: wrong}, {}) == Config()
    (line,) = warnings()
    assert f"{name}: " in line
    if name == "key":
        assert str(wrong) not in line


def test_wrong_value_in_the_environment_is_named_by_its_variable(warnings: Callable[[], list[str]]) -> None:
    config = load(
        {"colour": "red", "interval": "x"}, {"PERFPLATFORM_INTERVAL": "0.002", "PERFPLATFORM_ENABLED": "?"}
    )
    assert config == Config(interval=0.002)
    (line,) = warnings()
    assert "colour: no such setting" in line
    assert "interval: 'x' is not a number" in line
    assert "PERFPLATFORM_ENABLED: '?' is neither yes nor no" in line


@pytest.mark.parametrize(
    ("text", "on"), [("1", True), ("Yes", True), ("off", False), ("0", False), (False, False)]
)
def test_switch(text: object, on: bool) -> None:
    assert load({"enabled": text}, {}).enabled is on


@pytest.mark.parametrize(
    ("settings", "missing"), [({}, ("key", "url")), ({"url": URL}, ("key",)), ({"key": KEY}, ("url",))]
)
def test_without_key_or_address_it_is_off_with_one_line(
    settings: dict[str, str], missing: tuple[str, ...], warnings: Callable[[], list[str]]
) -> None:
    perfplatform_sdk.init(**settings)
    assert client.current() is None
    (line,) = warnings()
    assert all(f"{name} (or PERFPLATFORM_{name.upper()})" in line for name in missing)
    assert perfplatform_sdk.flush(0.1) is False
    assert perfplatform_sdk.shutdown() is False


def test_switched_off_it_says_nothing(
    warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERFPLATFORM_ENABLED", "no")
    perfplatform_sdk.init(key=KEY, url=URL)
    assert client.current() is None
    assert warnings() == []
