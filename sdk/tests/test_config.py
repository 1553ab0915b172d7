from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_platform import KEY

import perfplatform_sdk
from perfplatform_sdk import client
from perfplatform_sdk.config import PARSERS, Config, Loaded, load, read
from perfplatform_sdk.patterns import is_wanted, matches

URL = "https://perf.example.com/tools/perf"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither a file nor git says anything."""
    monkeypatch.chdir(tmp_path)


def said(arguments: dict[str, Any], environ: dict[str, str] | None = None) -> Loaded:
    return read(arguments, environ or {})


def test_arguments_go_before_the_environment_that_before_the_file_and_that_before_defaults(
    tmp_path: Path,
) -> None:
    file = {"environment": "from the file", "engine": "none", "interval": 0.005, "sample_interval": 0.02}
    (tmp_path / "perfplatform.json").write_text(json.dumps(file))
    environ = {"PERFPLATFORM_ENVIRONMENT": "staging", "PERFPLATFORM_ENGINE": "sampler"}
    loaded = said({"environment": "qa", "url": URL + "/", "interval": None}, environ)
    assert loaded.config == Config(
        url=URL, environment="qa", engine="sampler", interval=0.005, sample_interval=0.02
    )
    assert loaded.sources == {
        "url": "argument",
        "environment": "argument",
        "engine": "PERFPLATFORM_ENGINE",
        "interval": "perfplatform.json",
        "sample_interval": "perfplatform.json",
    }
    assert loaded.config.chosen == set(loaded.sources)
    assert loaded.wrong == []


def test_every_setting_has_a_parser_and_its_default_is_good() -> None:
    names = {field.name for field in fields(Config)} - {"chosen"}
    assert names == set(PARSERS)
    for name in names:
        default = getattr(Config(), name)
        if default not in ("", None):
            assert PARSERS[name](default) == default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("enabled", "no", False),
        ("counters", "off", False),
        ("statement_shapes", "1", True),
        ("interval", "0.002", 0.002),
        ("keep_first", "0", 0),
        ("queue_items", " 50 ", 50),
        ("include", "GET /a/*, /b", ("GET /a/*", "/b")),
        ("trace_header", "X-Request-ID", "x-request-id"),
        ("proxy", "http://user:secret@proxy:3128", "http://user:secret@proxy:3128"),
        ("url", "http://[::1]:8000/perf/", "http://[::1]:8000/perf"),
    ],
)
def test_values_of_the_environment(name: str, text: str, value: object) -> None:
    loaded = said({}, {f"PERFPLATFORM_{name.upper()}": text})
    assert getattr(loaded.config, name) == value
    assert loaded.wrong == []


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
        ("enabled", [True]),
        ("environment", "x" * 65),
        ("environment", "a\nb"),
        ("environment", 3),
        ("version", "x" * 129),
        ("version", 1.1),
        ("engine", "sampler2000"),
        ("engine", None.__class__),
        ("interval", "fast"),
        ("interval", 0),
        ("interval", True),
        ("interval", float("nan")),
        ("interval", 10**400),
        ("slow_threshold", -1),
        ("flush_interval", float("inf")),
        ("exit_timeout", [3]),
        ("queue_items", "many"),
        ("queue_items", 2.5),
        ("queue_bytes", 10**30),
        ("keep_per_minute", -1),
        ("ledger_minutes", 400),
        ("include", {"/a": 1}),
        ("include", ["/a", 5]),
        ("exclude", ["x" * 513]),
        ("exclude", ["/a"] * 101),
        ("trace_header", "two words"),
        ("proxy", "proxy:3128"),
        ("ca_bundle", "/nowhere/ca.pem"),
        ("ca_bundle", "\0"),
        ("before_send", "a string"),
    ],
)
def test_wrong_value_is_named_once_and_the_default_is_used(
    name: str, wrong: Any, warnings: Callable[[], list[str]]
) -> None:
    assert load({name: wrong}) == Config()
    (line,) = warnings()
    assert f"{name}: " in line
    assert len(line) < 300
    if name in ("key", "proxy"):
        assert str(wrong) not in line


def test_all_that_is_wrong_stands_in_one_line_and_the_next_best_is_used(
    warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PERFPLATFORM_INTERVAL", "0.002")
    monkeypatch.setenv("PERFPLATFORM_ENABLED", "?")
    (tmp_path / "perfplatform.json").write_text('{"enabled": false, "size": 3, "before_send": "x"}')
    assert load({"colour": "red", "interval": "x"}) == Config(interval=0.002, enabled=False)
    (line,) = warnings()
    assert "; interval: 'x' is not a number" in line
    assert "PERFPLATFORM_ENABLED: '?' is neither yes nor no" in line
    assert " colour: no such setting" in line
    assert "perfplatform.json: size: no such setting" in line
    assert "perfplatform.json: before_send: no such setting" in line


def test_objects_of_any_kind_do_no_harm(warnings: Callable[[], list[str]]) -> None:
    class Hostile:
        def fail(self, *_: object) -> Any:
            raise ZeroDivisionError

        __repr__ = __str__ = __bool__ = __eq__ = __float__ = __len__ = __iter__ = fail
        __hash__ = None  # type: ignore[assignment]

    names = {*PARSERS, "config"} - {"key", "proxy"}
    assert load(dict.fromkeys(names, Hostile())) == Config()
    (line,) = warnings()
    assert "interval: can't be read (ZeroDivisionError)" in line
    for name in names:
        assert f"{name}: " in line


def test_variables_of_other_programs_are_no_mistakes() -> None:
    # As Kubernetes makes them for a service that is called perfplatform.
    environ = {"PERFPLATFORM_SERVICE_HOST": "10.0.0.1", "PERFPLATFORM_PORT": "tcp://10.0.0.1:8000"}
    assert said({}, environ).wrong == []


def test_hook_is_an_argument_only() -> None:
    def hook(item: dict[str, Any]) -> None: ...

    assert said({"before_send": hook}).config.before_send is hook
    assert said({}, {"PERFPLATFORM_BEFORE_SEND": "print"}).config.before_send is None


def test_secrets_are_not_in_the_settings_repr() -> None:
    config = said({"key": KEY, "url": URL, "proxy": "http://user:secret@proxy:3128"}).config
    assert config.key == KEY
    assert KEY not in repr(config)
    assert "secret" not in repr(config)


def test_working_folder_that_was_deleted_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert read({"environment": "qa"}, {}).config == Config(environment="qa")


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


@pytest.mark.parametrize(
    ("pattern", "subject", "same"),
    [
        ("/orders", "/orders", True),
        ("/orders", "/orders/1", False),
        ("*", "", True),
        ("/orders*", "/orders", True),
        ("/*/items", "/orders/<int:id>/items", True),
        ("/*/items", "/items", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("aa*aa", "aaa", False),
        ("ab*b*b", "abb", False),
        ("/a.c", "/abc", False),
        ("/a[b]", "/ab", False),
        ("**", "x", True),
    ],
)
def test_star_stands_for_anything_and_all_else_for_itself(pattern: str, subject: str, same: bool) -> None:
    assert matches(pattern, subject) is same


def test_hostile_pattern_takes_no_time() -> None:
    assert matches("a*" * 256, "a" * 100_000) is True
    assert matches("a*" * 250 + "b", "a" * 100_000) is False


@pytest.mark.parametrize(
    ("include", "exclude", "method", "name", "wanted"),
    [
        ((), (), "GET", "/a", True),
        (("/a",), (), "POST", "/a", True),
        (("GET /a",), (), "POST", "/a", False),
        (("GET /*",), (), "GET", "/a", True),
        (("/a",), (), "GET", "/b", False),
        (("/a*",), ("* /a/health",), "GET", "/a/health", False),
        ((), ("/health",), "GET", "/health", False),
        ((), ("GET *",), "POST", "/a", True),
        (("shop.*",), (), "", "shop.price", True),
        ((), ("shop.*",), "", "shop.price", False),
    ],
)
def test_exclude_wins(
    include: tuple[str, ...], exclude: tuple[str, ...], method: str, name: str, wanted: bool
) -> None:
    assert is_wanted(include, exclude, method=method, name=name) is wanted
