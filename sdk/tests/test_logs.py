from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator
from typing import Callable

import pytest
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk import profile
from perfplatform_sdk.logs import ProfileFilter
from perfplatform_sdk.recorder import begin

Start = Callable[..., None]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """What the app's log says so far."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(ProfileFilter())
    handler.setFormatter(logging.Formatter("[%(perfplatform_profile)s] %(message)s"))
    log = logging.getLogger("shop")
    log.addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    log.removeHandler(handler)


def test_log_lines_lead_to_the_profile_that_is_kept(
    platform: FakePlatform, start: Start, lines: Callable[[], list[str]]
) -> None:
    start(engine="pyinstrument")
    log = logging.getLogger("shop")
    log.warning("before")

    @profile
    def pay() -> None:
        log.warning("paying")

    record = begin("request", "GET")
    assert record is not None
    log.warning("early")
    record.name("/orders")
    until = time.perf_counter() + 0.01
    while time.perf_counter() < until:
        len("something to sample")
    pay()
    record.end()
    log.warning("after")
    assert perfplatform_sdk.flush(5.0)
    (kept,) = platform.profiles
    assert lines() == ["[] before", f"[{kept['id']}] early", f"[{kept['id']}] paying", "[] after"]


def test_each_request_has_an_id_of_its_own(start: Start, lines: Callable[[], list[str]]) -> None:
    start(engine="none")
    for number in range(3):
        record = begin("request", "GET")
        assert record is not None
        logging.getLogger("shop").warning("number %s", number)
        record.end()
    ids = [line.partition("]")[0] for line in lines()]
    assert len(set(ids)) == 3
    assert all(len(profile_id) == 33 for profile_id in ids)


def test_without_the_sdk_lines_are_written_as_ever(lines: Callable[[], list[str]]) -> None:
    logging.getLogger("shop").error("no init()")
    assert lines() == ["[] no init()"]
