from __future__ import annotations

import json

import pytest
from fake_platform import VECTORS

from perfplatform_sdk.histogram import bucket
from perfplatform_sdk.table import encode, transmissible

SESSIONS = json.loads((VECTORS / "sessions.json").read_text("utf-8"))
HISTOGRAM = json.loads((VECTORS / "histogram.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", SESSIONS, ids=[vector["name"] for vector in SESSIONS])
def test_session_becomes_the_table_to_the_letter(vector: dict) -> None:
    before = json.dumps(vector["session"])
    assert json.loads(json.dumps(encode(vector["session"]))) == vector["table"]
    assert json.dumps(vector["session"]) == before


def test_durations_fall_into_the_shared_buckets() -> None:
    assert [(case["us"], bucket(case["us"])) for case in HISTOGRAM] == [
        (case["us"], case["index"]) for case in HISTOGRAM
    ]


def test_text_that_json_cannot_carry_is_replaced() -> None:
    assert transmissible("caf\udce9.py") == "caf?.py"
    assert transmissible("商店", longest=1) == "商"
    session = dict(SESSIONS[0]["session"], frame_records=[[["f\0/srv/caf\udce9.py\x001"], 0.001]])
    assert "/srv/caf?.py" in encode(session)["strings"]
