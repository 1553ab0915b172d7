from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Callable

import pytest
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk import client


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    platform = FakePlatform()
    yield platform
    platform.close()
    assert platform.faults == []


@pytest.fixture
def start(platform: FakePlatform) -> Iterator[Callable[..., None]]:
    """Begin to record, with settings that suit a test; ends it again."""

    def begin(**settings: object) -> None:
        perfplatform_sdk.init(
            **{"key": KEY, "url": platform.url, "environment": "test", "flush_interval": 0.1, **settings}
        )

    yield begin
    perfplatform_sdk.shutdown(2.0)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings from outside, and no client left over."""
    for name in ("CI_COMMIT_TAG", "CI_COMMIT_SHA", "CI_COMMIT_BRANCH", "GIT_COMMIT", "GIT_BRANCH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("KEY", "URL", "ENVIRONMENT", "VERSION", "ENABLED", "FLUSH_INTERVAL"):
        monkeypatch.delenv(f"PERFPLATFORM_{name}", raising=False)
    yield
    perfplatform_sdk.shutdown(0.0)
    assert client.current() is None


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the SDK has said so far."""
    caplog.set_level(logging.WARNING, "perfplatform_sdk")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "perfplatform_sdk"]
