from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any, Callable

import fake_platform as fakes
import pytest
import requests
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk import client as clients
from perfplatform_sdk import remote
from perfplatform_sdk.config import Config, read
from perfplatform_sdk.delivery import connect
from perfplatform_sdk.keeping import Order
from perfplatform_sdk.remote import RemoteSettings, apply, read_payload

ORDER = {
    "id": "6740c8d2f1a4b35c9e8d7f60",
    "method": "GET",
    "route": "/orders/<int:id>",
    "count": 5,
    "until": "2026-11-22T10:03:07.123456Z",
}


@pytest.fixture
def session(platform: FakePlatform) -> Iterator[requests.Session]:
    with connect(local(platform)) as session:
        yield session


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask whenever told to."""
    monkeypatch.setattr(remote, "_EVERY_S", 0.0)
    monkeypatch.setattr(remote, "_SPREAD_S", 0.0)


def local(platform: FakePlatform, **settings: object) -> Config:
    return read({"key": KEY, "url": platform.url, "read_timeout": 0.5, **settings}, {}).config


def test_platform_sets_what_nobody_else_has_set(platform: FakePlatform, session: requests.Session) -> None:
    platform.settings = {
        "enabled": False,
        "engine": "none",
        "sample_interval": 0.02,
        "keep_per_minute": 1,
        "keep_slow_per_minute": 2,
        "keep_error_per_minute": 3,
        "slow_threshold": None,
        "overhead_budget": 0.5,
        "include": ["/a*"],
        "exclude": [],
        "requests": [],
        "colour_of_next_year": "red",
    }
    settings = RemoteSettings(local(platform, engine="sampler", keep_per_minute=7))
    assert settings.refresh(session) is True
    found = settings.config
    assert (found.engine, found.keep_per_minute) == ("sampler", 7)
    assert (found.enabled, found.sample_interval, found.overhead_budget) == (False, 0.02, 0.5)
    assert (found.keep_slow_per_minute, found.keep_error_per_minute, found.slow_threshold) == (2, 3, 2.0)
    assert (found.include, found.exclude) == (("/a*",), ())
    assert platform.keys == [f"Bearer {KEY}"]


def test_what_the_platform_takes_back_is_as_before(
    platform: FakePlatform, session: requests.Session, at_once: None
) -> None:
    settings = RemoteSettings(local(platform))
    platform.settings = {"engine": "none"}
    assert settings.refresh(session) is True
    assert settings.config.engine == "none"
    platform.settings = {"engine": None}
    assert settings.refresh(session) is True
    assert settings.config == local(platform)


def test_variables_and_the_file_go_before_the_platform(tmp_path: Any) -> None:
    (tmp_path / "perfplatform.json").write_text('{"slow_threshold": 1}')
    config = read({}, {"PERFPLATFORM_EXCLUDE": "/health"}, folder=tmp_path).config
    found = apply(config, {"slow_threshold": 9.0, "exclude": ("/a",), "include": ("/b",)})
    assert (found.slow_threshold, found.exclude, found.include) == (1.0, ("/health",), ("/b",))


def test_only_changes_are_sent(platform: FakePlatform, session: requests.Session, at_once: None) -> None:
    settings = RemoteSettings(local(platform))
    platform.settings = {"engine": "none"}
    assert [settings.refresh(session) for _ in range(3)] == [True, False, False]
    first, second, third = platform.settings_asked
    assert first == ""
    assert second == third != ""
    assert settings.config.engine == "none"


def test_platform_is_asked_once_a_minute_at_most(
    platform: FakePlatform, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(remote.time, "monotonic", lambda: now[0])
    settings = RemoteSettings(local(platform))
    settings.refresh(session)
    for seconds, asked in ((0.0, 1), (59.0, 1), (71.0, 2)):
        now[0] = 1000.0 + seconds
        settings.refresh(session)
        assert len(platform.settings_asked) == asked


def test_switched_off_it_asks_nothing(platform: FakePlatform, session: requests.Session) -> None:
    assert RemoteSettings(local(platform, remote_settings=False)).refresh(session) is False
    assert platform.settings_asked == []


@pytest.mark.parametrize(
    "trouble",
    [
        fakes.status(401),
        fakes.status(403),
        fakes.status(404),
        fakes.status(500),
        fakes.status(302, Location="/elsewhere"),
        fakes.reset,
        fakes.black_hole,
        fakes.garbage,
        fakes.nonsense,
        lambda handler: handler.answer(200, b"[" * 100_000),
        lambda handler: handler.answer(200, b"[]"),
        lambda handler: handler.answer(200, {"data": []}),
        lambda handler: handler.answer(200, b" " * 1_000_000),
    ],
)
def test_platform_that_is_in_trouble_changes_nothing(
    platform: FakePlatform,
    session: requests.Session,
    at_once: None,
    trouble: fakes.Behaviour,
    warnings: Callable[[], list[str]],
) -> None:
    settings = RemoteSettings(local(platform))
    platform.settings = {"engine": "none", "requests": [ORDER]}
    assert settings.refresh(session) is True
    before = settings.config, settings.orders
    platform.settings_behaviour = trouble
    assert settings.refresh(session) is False
    assert (settings.config, settings.orders) == before
    platform.settings_behaviour = fakes.give_settings
    platform.settings = {}
    assert settings.refresh(session) is True
    assert settings.config.engine == "auto"
    assert warnings() == []


def test_nobody_there_changes_nothing(session: requests.Session) -> None:
    settings = RemoteSettings(Config(key=KEY, url="http://127.0.0.1:9"))
    assert settings.refresh(session) is False


def test_wrong_values_are_named_once_and_the_last_good_ones_stay(
    platform: FakePlatform,
    session: requests.Session,
    at_once: None,
    warnings: Callable[[], list[str]],
) -> None:
    settings = RemoteSettings(local(platform))
    platform.settings = {"engine": "none", "slow_threshold": 1, "include": ["/a"], "requests": [ORDER]}
    settings.refresh(session)
    orders = settings.orders
    for turn in range(3):
        platform.settings = {
            "engine": "magic",
            "slow_threshold": "\n",
            "include": 5,
            "keep_per_minute": -1,
            "requests": "many",
            "turn": turn,
        }
        settings.refresh(session)
    assert (settings.config.engine, settings.config.slow_threshold) == ("none", 1.0)
    assert (settings.config.include, settings.config.keep_per_minute) == (("/a",), 10)
    assert settings.orders == orders != ()
    (line,) = warnings()
    for name in ("engine", "slow_threshold", "include", "keep_per_minute", "requests"):
        assert f"{name}: " in line
    assert line.isprintable()


def test_shared_vector_is_understood(platform: FakePlatform, session: requests.Session) -> None:
    platform.settings = json.loads((fakes.VECTORS / "sdk-config.json").read_text("utf-8"))["data"]
    settings = RemoteSettings(local(platform))
    assert settings.refresh(session) is True
    assert (settings.config.sample_interval, settings.config.keep_per_minute) == (0.02, 1)
    assert (settings.config.engine, settings.config.exclude) == ("auto", ("/health*",))
    (order,) = settings.orders
    assert order == Order("6740c8d2f1a4b35c9e8d7f60", "GET", "/orders/<int:id>", 5, 4099025587.0)
    assert set(platform.settings) == {*remote.REMOTE, "requests"}


def test_orders() -> None:
    found = read_payload({"requests": [ORDER, {**ORDER, "method": "", "route": "shop.price"}]})
    assert found.wrong == {}
    assert found.orders == (
        Order(ORDER["id"], "GET", "/orders/<int:id>", 5, 1795341787.123456),
        Order(ORDER["id"], "", "shop.price", 5, 1795341787.123456),
    )
    assert len(read_payload({"requests": [ORDER] * 1_000}).orders) == 100


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"route": ""},
        {"route": 5},
        {"count": 0},
        {"count": 101},
        {"count": "many"},
        {"until": 5},
        {"until": "tomorrow"},
        {"until": "2026-11-22T10:03:07+01:00"},
    ],
)
def test_wrong_orders_are_named(change: dict[str, Any]) -> None:
    found = read_payload({"requests": [{**ORDER, **change}]})
    assert (found.orders, set(found.wrong)) == ((), {"requests"})


@pytest.mark.parametrize("requests_said", [{"a": 1}, [5], ["x"], [[]], [{}], 5, "x"])
def test_orders_of_another_shape_are_named(requests_said: Any) -> None:
    found = read_payload({"requests": requests_said})
    assert (found.orders, set(found.wrong)) == ((), {"requests"})


# In a process


def test_what_the_platform_says_changes_what_is_recorded(
    platform: FakePlatform, start: Callable[..., None]
) -> None:
    platform.settings = {"exclude": ["secret*"], "requests": []}
    start(flush_interval=0.1)
    recorded("open")
    client = clients.current()
    assert client is not None
    platform.wait_for(lambda: client.config.exclude == ("secret*",))
    recorded("secret one")
    recorded("open")
    assert perfplatform_sdk.flush(5.0)
    assert {route: entry["count"] for (_, _, route), entry in platform.entries().items()} == {"open": 2}


def test_order_keeps_the_next_calls_as_manual_ones(
    platform: FakePlatform, start: Callable[..., None]
) -> None:
    order = {**ORDER, "method": "", "route": "job", "count": 2, "until": "2099-01-01T00:00:00Z"}
    platform.settings = {"requests": [order]}
    start(flush_interval=0.1, keep_first=0, keep_per_minute=0, engine="sampler", sample_interval=0.001)
    recorded("other")
    client = clients.current()
    assert client is not None
    platform.wait_for(lambda: client.remote.orders != ())
    for _ in range(4):
        recorded("job")
    assert perfplatform_sdk.flush(5.0)
    kept = [(profile["endpoint"], profile["trigger"]) for profile in platform.profiles]
    assert kept == [("job", "manual")] * 2


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork_begins_without_what_the_platform_said(
    platform: FakePlatform, start: Callable[..., None]
) -> None:
    platform.settings = {"enabled": False}
    start(flush_interval=0.1)
    recorded("before")
    client = clients.current()
    assert client is not None
    platform.wait_for(lambda: not client.config.enabled)
    child = os.fork()
    if child == 0:
        now = clients.current()
        os._exit(0 if now is not None and now.config.enabled and now is not client else 1)
    assert os.waitpid(child, 0)[1] == 0


def recorded(name: str) -> None:
    with perfplatform_sdk.profile(name):
        time.sleep(0.02)
