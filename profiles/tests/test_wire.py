"""docs/wire.md in pure code: what is read, what is refused, and that nothing crashes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import wire
from profiles.body import TooLarge, Unreadable
from profiles.session_table import session_from_table
from profiles.tests import vectors
from profiles.wire import Refused

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
ITEM_ROWS = [row for row in vectors.load("rejected.json") if "in" in row]
BATCH_ROWS = [row for row in vectors.load("rejected.json") if "in" not in row]


def encode(document: Any) -> bytes:
    return json.dumps(document).encode()


def check_items(batch: wire.Batch, now: datetime = NOW) -> list[tuple[str, str, str]]:
    """Return (list, code, reason) of every refused item."""
    refused = []
    decoders: list[tuple[str, Any, Any]] = [
        ("ledger", batch.ledger, wire.decode_ledger),
        ("profiles", batch.profiles, wire.decode_profile),
    ]
    for name, items, decoder in decoders:
        for raw in items:
            try:
                decoder(raw, now=now)
            except Refused as refusal:
                refused.append((name, str(refusal.code), refusal.reason))
    return refused


def test_whole_batch_is_read() -> None:
    batch = wire.decode(encode(vectors.batch(NOW)))
    assert check_items(batch) == []
    item, table = wire.decode_profile(batch.profiles[0], now=NOW)
    sent = vectors.batch(NOW)["profiles"][0]
    assert item.started_at == datetime.fromisoformat(sent["started_at"])
    assert (item.endpoint, item.duration_us, item.tags) == (sent["endpoint"], 265603, sent["tags"])
    assert msgspec.to_builtins(item.counters) == sent["counters"]
    assert json.loads(msgspec.json.encode(table)) == sent["session"]
    document = wire.decode_ledger(batch.ledger[0], now=NOW)
    assert document.endpoints[0].count == 6


def test_vectors_keep_to_the_json_schema() -> None:
    jsonschema.Draft202012Validator(vectors.load("batch.schema.json")).validate(vectors.batch(NOW))


@pytest.mark.parametrize("row", ITEM_ROWS, ids=[row["name"] for row in ITEM_ROWS])
def test_bad_item_is_named(row: dict[str, Any]) -> None:
    batch = wire.decode(vectors.rejected_body(row, NOW))
    [(name, code, reason)] = check_items(batch)
    assert (name, code) == (row["in"], row["code"])
    assert row["field"] in reason


@pytest.mark.parametrize("row", BATCH_ROWS, ids=[row["name"] for row in BATCH_ROWS])
def test_bad_batch_is_refused(row: dict[str, Any]) -> None:
    expected = TooLarge if row["status"] == 413 else Unreadable
    with pytest.raises(expected):
        wire.decode(vectors.rejected_body(row, NOW))


def test_unknown_schema_is_called_so() -> None:
    with pytest.raises(Unreadable, match="Unknown schema 2"):
        wire.decode(b'{"schema": 2, "everything": "else"}')


def test_shortest_batch_is_read() -> None:
    shortest = vectors.batch(NOW)
    del shortest["ledger"], shortest["profiles"], shortest["process"]["framework"]
    shortest["version"] = {"name": "1.4.2"}
    batch = wire.decode(encode(shortest))
    assert (batch.ledger, batch.profiles, batch.version.commit) == ([], [], "")


def test_unknown_fields_are_ignored() -> None:
    newer = vectors.batch(NOW)
    profile = newer["profiles"][0]
    for place in (newer, newer["process"], newer["ledger"][0], profile, profile["session"]):
        place["from_the_future"] = {"deep": [1, 2, {}]}
    assert check_items(wire.decode(encode(newer))) == []


@pytest.mark.parametrize(
    ("age", "code"),
    [
        (timedelta(hours=6, seconds=-1), None),
        (timedelta(hours=6, seconds=1), "too_late"),
        (timedelta(minutes=-5, seconds=1), None),
        (timedelta(minutes=-5, seconds=-1), "clock_skew"),
    ],
)
def test_borders_of_time(age: timedelta, code: str | None) -> None:
    sent = vectors.batch(NOW)
    sent["profiles"][0]["started_at"] = vectors.rfc3339(NOW - age)
    assert [found for _, found, _ in check_items(wire.decode(encode(sent)))] == ([code] if code else [])


def test_one_bad_item_harms_no_other() -> None:
    sent = vectors.batch(NOW)
    profile = sent["profiles"][0]
    sent["profiles"] = [{**profile, "id": f"{n:032x}"} for n in range(10)]
    sent["profiles"][3]["duration_us"] = -5
    assert check_items(wire.decode(encode(sent))) == [
        ("profiles", "invalid", "duration_us: Expected `int` >= 0")
    ]


@pytest.mark.parametrize("escape", [r"\ud800", r"\uDFFF", r"\ud83d\ud83d", r"\ud83dA", r"\\\ud800"])
def test_lone_surrogate_costs_its_own_item_only(escape: str) -> None:
    sent = vectors.batch(NOW)
    profile = sent["profiles"][0]
    good = {**profile, "id": "1" * 32, "endpoint": r"/\ud800 as text, and a pair: 😀"}
    sent["profiles"] = [good, {**profile, "error_type": "@here@"}]
    body = json.dumps(sent).replace("@here@", escape).encode()
    batch = wire.decode(body)
    [(_, code, reason)] = check_items(batch)
    assert (code, reason) == ("invalid", "error_type: text that is not UTF-8, or a lone surrogate")
    assert wire.decode_profile(batch.profiles[0], now=NOW)[0].endpoint == good["endpoint"]


def test_item_over_8_megabytes_is_too_large() -> None:
    sent = vectors.batch(NOW)
    sent["profiles"].append({**sent["profiles"][0], "id": "2" * 32, "ignored": "x" * 8 * 1024 * 1024})
    assert check_items(wire.decode(encode(sent))) == [("profiles", "too_large", "the item is over 8 MB")]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"profiles": ' + b"[" * 1_000_000,
        b'{"x": ' * 100_000,
        b'{"profiles": [{"session": ' + b"[" * 500_000 + b"]" * 500_000 + b"}]}",
    ],
    ids=["list", "profiles", "objects", "closed"],
)
def test_deep_nesting_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        wire.decode(body)


def test_a_chain_of_nodes_cannot_blow_up() -> None:
    """A short table can describe stacks of astronomic size together: it is refused before any is built."""
    sent = vectors.batch(NOW)
    session = sent["profiles"][0]["session"]
    session["nodes"] = [[n - 1, 0] for n in range(5_000)]
    session["samples"] = [4_999] * 500
    session["times"] = [0.001] * 500
    [(_, code, reason)] = check_items(wire.decode(encode(sent)))
    assert (code, "2000000 frames together" in reason) == ("invalid", True)
    session["nodes"] = [[n - 1, 0] for n in range(5_001)]
    session["samples"], session["times"] = [5_000], [0.001]
    [(_, code, reason)] = check_items(wire.decode(encode(sent)))
    assert (code, "5000 frames deep" in reason) == ("invalid", True)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_crash(body: bytes) -> None:
    with pytest.raises(Unreadable):
        wire.decode(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def pointers(document: Any, here: str = "") -> list[str]:
    """Return the JSON pointer of everything inside a document, long lists shortened."""
    if isinstance(document, dict):
        names = {name: name.replace("~", "~0").replace("/", "~1") for name in document}
        inner = [(f"{here}/{names[name]}", value) for name, value in document.items()]
    elif isinstance(document, list):
        inner = [(f"{here}/{n}", value) for n, value in enumerate(document[:3])]
    else:
        inner = []
    return [here, *(found for name, value in inner for found in pointers(value, name))]


@given(pointer=st.sampled_from(pointers(vectors.batch(NOW))), value=json_values)
def test_any_json_anywhere_never_crashes(pointer: str, value: Any) -> None:
    changed = vectors.apply({"pointer": pointer, "value": value}, vectors.batch(NOW), NOW)
    try:
        batch = wire.decode(encode(changed))
    except (Unreadable, TooLarge):
        return
    for name, code, reason in check_items(batch):
        assert (name in {"ledger", "profiles"}, code, bool(reason)) == (True, code, True)
    for raw in batch.profiles:
        try:
            _, table = wire.decode_profile(raw, now=NOW)
        except Refused:
            continue
        session_from_table(table)
