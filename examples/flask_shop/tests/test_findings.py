"""What the platform's detectors say of the planted faults, from real recordings of the shop.

Not of the rows that release 1.1 adds up in Python: SQLite starts a query within microseconds, so a recording
seldom has a sample of it, and nothing else tells that the loop is over rows.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pyinstrument import Profiler

from analysis import detectors
from analysis.evidence import Counters, Evidence
from flask_shop import create_app
from flask_shop.tests.test_faults import CART
from flask_shop.traffic import Visit
from profiles import calltree

TOP = 3
# Requests of an endpoint: a machine that is busy with others may spoil one.
REQUESTS = 3

FAULTS = [
    ("1.0", Visit("GET", "/orders"), "database", "newest_orders"),
    ("1.0", Visit("GET", "/orders/77/invoice"), "template_compilation", "render_invoice_lines"),
    ("1.0", Visit("GET", "/journal/on-water"), "regex_compilation", "link_product_names"),
    ("1.0", Visit("GET", "/api/products"), "serialisation", "encode_feed"),
    ("1.0", Visit("POST", "/cart/quote", CART), "outbound_http", "fetch_rates"),
]

pytestmark = pytest.mark.long


def found_in(app: Flask, visit: Visit) -> list[tuple[str, str]]:
    """Detector and function of the three findings that stand first."""
    client = app.test_client()
    with Profiler(interval=0.001) as profiler:
        client.open(visit.path, method=visit.method, json=visit.cart)
    session: Any = profiler.last_session
    tree = calltree.from_session(json.loads(json.dumps(session.to_json())))
    evidence = Evidence.of_recording(
        tree,
        counters=Counters(),
        duration_us=round(session.duration * 1e6),
        cpu_us=max(round(session.cpu_time * 1e6), 1),
        framework="flask 3.1.3",
    )
    return [(finding.detector, finding.function.name) for finding in detectors.findings(evidence)[:TOP]]


@pytest.mark.parametrize(
    ("release", "visit", "detector", "function"), FAULTS, ids=[function for *_, function in FAULTS]
)
def test_planted_fault_is_among_the_top_findings(
    shop_data: Path, release: str, visit: Visit, detector: str, function: str
) -> None:
    app = create_app({"SHOP_VERSION": release, "SHOP_DATA": str(shop_data)})
    app.test_client().open(visit.path, method=visit.method, json=visit.cart)
    told = [found_in(app, visit) for _request in range(REQUESTS)]
    often = Counter(one for found in told for one in found)
    assert often[detector, function] * 2 > REQUESTS, told
