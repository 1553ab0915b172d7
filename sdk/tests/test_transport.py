"""What is sent, when, and how, while the platform answers as it should."""

from __future__ import annotations

import gzip
import json
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Callable

import fake_platform as fakes
import pytest
from fake_platform import KEY, FakePlatform

import perfplatform_sdk
from perfplatform_sdk import client, transport
from perfplatform_sdk.config import Config
from perfplatform_sdk.delivery import AGAIN, ARRIVED, REFUSED, STOP, Delivery, connect, read_answer

Start = Callable[..., None]
Item = dict[str, Any]


@pytest.fixture
def start(start: Start) -> Start:
    """With an engine that sees short calls, and sending when a test asks for it."""
    return partial(start, engine="pyinstrument", interval=0.0001, version="1", flush_interval=3600)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_FIRST_AFTER_S", 3600.0)
    monkeypatch.setattr(transport, "_LOOK_EVERY_S", 0.02)


def call(name: str = "shop.price", times: int = 1) -> None:
    for _ in range(times):
        with perfplatform_sdk.profile(name):
            until = time.perf_counter() + 0.0005
            while time.perf_counter() < until:
                len(name)


def sending() -> client.Client:
    running = client.current()
    assert running is not None
    return running


def endpoints(platform: FakePlatform) -> list[str]:
    return [profile["endpoint"] for profile in platform.profiles]


def test_batch_arrives_by_itself_with_key_and_identity(platform: FakePlatform, start: Start) -> None:
    start(flush_interval=0.1)
    call()
    platform.wait_for(lambda: bool(platform.profiles and platform.entries()))
    assert platform.keys[0] == f"Bearer {KEY}"
    batch = platform.batches[0]
    assert batch["sdk"] == {"name": "perfplatform-sdk", "version": perfplatform_sdk.__version__}
    assert batch["process"]["instance"] == sending().instance.id
    assert batch["version"]["name"] == "1"
    assert endpoints(platform) == ["shop.price"]


def test_first_sending_does_not_wait_for_the_interval(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_FIRST_AFTER_S", 0.1)
    start()
    call()
    platform.wait_for(lambda: bool(platform.profiles))


def test_full_queue_is_sent_before_its_time(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfplatform_sdk.outbox.MAX_PROFILES", 3)
    start()
    call(times=3)
    platform.wait_for(lambda: len(platform.profiles) == 3)


def test_batches_go_through_one_connection(platform: FakePlatform, start: Start) -> None:
    start()
    for _ in range(4):
        call()
        assert perfplatform_sdk.flush(5.0)
    assert len(platform.batches) >= 4
    assert platform.connections == 1


def test_flush_says_whether_all_arrived(platform: FakePlatform, start: Start) -> None:
    start()
    assert perfplatform_sdk.flush(2.0) is True
    assert platform.batches == []
    call()
    assert perfplatform_sdk.flush(5.0) is True
    assert len(platform.profiles) == 1
    platform.behaviour = fakes.status(500)
    call()
    assert perfplatform_sdk.flush(0.3) is False
    platform.behaviour = fakes.accept
    assert perfplatform_sdk.flush(5.0) is True
    assert len(platform.profiles) == 2


def test_shutdown_sends_the_rest_and_ends_the_thread(platform: FakePlatform, start: Start) -> None:
    start()
    call()
    thread = sending().transport._thread
    assert perfplatform_sdk.shutdown(5.0) is True
    assert endpoints(platform) == ["shop.price"]
    assert thread is not None
    thread.join(5.0)
    assert not thread.is_alive()
    call()
    assert perfplatform_sdk.flush(1.0) is False


def test_ledger_is_cumulative_and_its_sequence_grows(platform: FakePlatform, start: Start) -> None:
    start()
    for expected in (1, 2, 3):
        call()
        assert perfplatform_sdk.flush(5.0)
        assert platform.entries()["call", "", "shop.price"]["count"] == expected
    documents = [document for batch in platform.batches for document in batch.get("ledger", [])]
    minutes = {document["minute"] for document in documents}
    for minute in minutes:
        sequence = [document["seq"] for document in documents if document["minute"] == minute]
        assert sequence == list(range(1, len(sequence) + 1))


def test_second_init_replaces_the_first_and_loses_nothing(platform: FakePlatform, start: Start) -> None:
    start(version="1")
    call("early")
    first = sending()
    start(version="2")
    call("late")
    assert perfplatform_sdk.flush(5.0)
    platform.wait_for(lambda: len(platform.profiles) == 2)
    versions = {batch["profiles"][0]["endpoint"]: batch["version"]["name"] for batch in platform.batches}
    assert versions == {"early": "1", "late": "2"}
    assert sending().instance.id != first.instance.id
    thread = first.transport._thread
    platform.wait_for(lambda: thread is not None and not thread.is_alive())


def test_what_the_sdk_did_itself_is_told(platform: FakePlatform, start: Start) -> None:
    start()
    call(times=3)
    assert perfplatform_sdk.flush(5.0)
    call("another")
    assert perfplatform_sdk.flush(5.0)
    told = platform.statistics()
    assert (told["events"], told["profiles"]) == (4, 4)
    assert told["sent_profiles"] == 3
    assert told["posts"] == 1
    assert told["sent_bytes"] == len(platform.posts[0])
    assert told["sampling_us"] >= 0
    assert "failed_posts" not in told


# --- before_send --------------------------------------------------------------------------------------


def test_before_send_changes_what_is_sent_and_runs_on_the_sending_thread(
    platform: FakePlatform, start: Start
) -> None:
    threads = []

    def redact(item: Item) -> Item:
        threads.append(threading.current_thread().name)
        return {**item, "endpoint": "redacted"}

    start(before_send=redact)
    call()
    assert perfplatform_sdk.flush(5.0)
    assert endpoints(platform) == ["redacted"]
    assert threads == ["perfplatform"]


def test_before_send_may_drop_an_item_which_is_counted(platform: FakePlatform, start: Start) -> None:
    start(before_send=lambda item: None if item["endpoint"] == "secret" else item)
    for name in ("secret", "fine", "secret"):
        call(name)
    assert perfplatform_sdk.flush(5.0)
    assert endpoints(platform) == ["fine"]
    assert platform.dropped() == {"before_send": 2}
    assert platform.entries()["call", "", "secret"]["count"] == 2


@pytest.mark.parametrize("kind", ["exception", "exit", "nonsense", "not JSON"])
def test_before_send_that_fails_drops_that_item_only(platform: FakePlatform, start: Start, kind: str) -> None:
    def fail(item: Item) -> Any:
        if item["endpoint"] == "fine":
            return item
        if kind == "exception":
            raise ZeroDivisionError
        if kind == "exit":
            raise SystemExit
        return "nonsense" if kind == "nonsense" else {**item, "tags": object()}

    start(before_send=fail)
    for name in ("fine", "bad", "fine"):
        call(name)
    assert perfplatform_sdk.flush(5.0)
    assert endpoints(platform) == ["fine", "fine"]
    assert platform.dropped() == {"internal_error": 1}


def test_before_send_that_flushes_does_not_wait_for_itself(platform: FakePlatform, start: Start) -> None:
    answers = []

    def flush(item: Item) -> Item:
        answers.append(perfplatform_sdk.flush(30.0))
        return item

    start(before_send=flush)
    call()
    began = time.monotonic()
    assert perfplatform_sdk.flush(20.0)
    assert time.monotonic() - began < 15
    assert answers == [False]


# --- The connection -----------------------------------------------------------------------------------


def test_netrc_does_not_replace_the_key(
    platform: FakePlatform, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    start()
    call()
    assert perfplatform_sdk.flush(5.0)
    assert platform.keys == [f"Bearer {KEY}"] * len(platform.keys)


class Proxy(BaseHTTPRequestHandler):
    """Answers in the place of the address it is asked for."""

    asked: list[str]

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.end_headers()
        self.wfile.write(b'{"code": 0, "msg": "", "data": {"accepted": 1, "rejected": []}}')

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("by", ["setting", "environment"])
def test_proxy_of_the_settings_goes_before_that_of_the_environment(
    start: Start, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Recording", (Proxy,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1" if by == "setting" else address)
    start(url="http://platform.invalid/perf", **({"proxy": address} if by == "setting" else {}))
    call()
    assert perfplatform_sdk.flush(5.0)
    server.shutdown()
    server.server_close()
    assert set(asked) == {"http://platform.invalid/perf/api/v1/ingest/"}


def test_certificates_of_the_settings_go_before_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    config = Config(key=KEY, url="https://platform.invalid")
    assert connect(config).verify is True
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/environment.pem")
    assert connect(config).verify == "/environment.pem"
    assert connect(Config(key=KEY, url=config.url, ca_bundle="/settings.pem")).verify == "/settings.pem"


def test_certificates_that_are_not_there_are_a_network_that_fails() -> None:
    config = Config(key=KEY, url="https://127.0.0.1:1", ca_bundle="/nowhere/certificates.pem")
    outcome = Delivery(config).post(b"")
    assert outcome.verdict == AGAIN
    assert "OSError" in outcome.reason


def test_time_outs_are_those_of_the_settings(platform: FakePlatform) -> None:
    platform.behaviour = fakes.black_hole
    delivery = Delivery(Config(key=KEY, url=platform.url, read_timeout=0.2))
    began = time.monotonic()
    assert delivery.post(gzip.compress(b"{}")).reason == "no answer (ReadTimeout)"
    assert 0.2 <= time.monotonic() - began < 10


# --- Answers ------------------------------------------------------------------------------------------

GOOD = json.dumps({"code": 0, "msg": "", "data": {"accepted": 1, "rejected": []}}).encode()


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 202), ARRIVED),
        ((401, 403), STOP),
        ((400, 411, 413, 415, 422), REFUSED),
        ((301, 302, 308, 404, 408, 418, 429, 500, 502, 503, 504, 599), AGAIN),
    ],
)
def test_statuses_mean_what_the_wire_format_says(statuses: tuple[int, ...], verdict: str) -> None:
    assert {read_answer(status, "", GOOD).verdict for status in statuses} == {verdict}


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"x"', b'{"data": 1}', b'{"data": {}}', b"[" * 100_000, b"\xff", GOOD[:-3]],
    ids=lambda body: repr(body[:16]),
)
def test_answer_that_is_not_the_platforms_is_no_arrival(body: bytes) -> None:
    assert read_answer(202, "", body).verdict == AGAIN


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), ("", 0.0), ("soon", 0.0), ("-1", 0.0), ("999999", 600.0), ("9" * 50, 0.0)],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds(status: int, text: str, seconds: float) -> None:
    assert read_answer(status, text, b"").retry_after == seconds


def test_retry_after_as_a_date() -> None:
    now = datetime.now(timezone.utc)
    in_two_minutes = format_datetime(now + timedelta(minutes=2), usegmt=True)
    assert 100 < read_answer(503, in_two_minutes, b"").retry_after <= 120
    assert read_answer(503, format_datetime(now - timedelta(days=1), usegmt=True), b"").retry_after == 0
    assert read_answer(503, "Wed, 21 Oct 99999999999 07:28:00 GMT", b"").retry_after == 0
