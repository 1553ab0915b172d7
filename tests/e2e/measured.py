"""A project of a test's own in the running product, of which something was measured and folded."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from profiles.tests import ledgers
from profiles.tests.recorded import batch, profile
from tests.e2e.made import PRODUCTS, MadeProject, make_project

MINUTES = 40
STRINGS = [
    "wsgi_app",
    "flask/app.py",
    "Flask",
    "list_products",
    "shop/views.py",
    "",
    "price_of",
    "shop/pricing.py",
    "execute",
    "sqlite3/dbapi2.py",
    "Connection",
    "as_dict",
    "shop/models.py",
    "Product",
    "dumps",
    "json/__init__.py",
    "db",
    "SELECT 1",
]
# Rows of function, file, line, class, library.
FRAMES = [
    [0, 1, 1536, 2, 1],
    [3, 4, 31, 5, 0],
    [6, 7, 18, 5, 0],
    [8, 9, 88, 10, 1],
    [11, 12, 77, 13, 0],
    [14, 15, 183, 5, 1],
]
# Rows of parent, frame, self time, samples.
STACKS = [
    [-1, 0, 10_000, 1],
    [0, 1, 40_000, 4],
    [1, 2, 0, 0],
    [2, 3, 120_000, 12],
    [1, 4, 0, 0],
    [4, 5, 30_000, 3],
]
DEEP_STACKS = [[-1, 0, 5_000, 1], [0, 1, 15_000, 2]]


def minute_document(
    minute: datetime, *, slowness: float, routes: tuple[str, str] = ("/products", "/cart")
) -> dict[str, Any]:
    """What a process says of a minute: two endpoints and a task, of which one is slow now and then."""
    chance = random.Random(minute.isoformat())
    times = [round(200_000 * slowness * chance.lognormvariate(0, 0.35)) for _ in range(20)]
    entries = [
        ledgers.endpoint(
            routes[0],
            durations=[*times, 4_000_000],
            errors=1,
            counters=[[16, 1, 17, 60, 2_400_000]],
            stacks={"sampler": STACKS},
        ),
        ledgers.endpoint(
            routes[1], method="POST", durations=[20_000, 30_000], stacks={"sampler": DEEP_STACKS}
        ),
        ledgers.endpoint(
            "shop.mail.send", kind="task", method="", durations=[90_000], stacks={"pyinstrument": DEEP_STACKS}
        ),
    ]
    return ledgers.document(minute, *entries, strings=STRINGS, frames=FRAMES)


def make_measured(
    instance: dict[str, Any], name: str = "Measured", *, routes: tuple[str, str] = ("/products", "/cart")
) -> MadeProject:
    """Forty minutes of requests, a profile of one of them, and all of it folded."""
    project = make_project(instance, name)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    documents = [
        minute_document(now - timedelta(minutes=ago), slowness=1 + (ago < 20), routes=routes)
        for ago in range(1, MINUTES)
    ]
    project.send(profile(PRODUCTS, endpoint=routes[0]))
    answer = requests.post(
        f"{project.url}/api/v1/ingest/",
        json={**batch([]), "ledger": documents},
        headers={"Authorization": f"Bearer {project.key}"},
        timeout=30,
    )
    assert answer.json()["data"]["accepted"] == len(documents), answer.text
    wait_until_folded(project, samples=len(documents) * (20 + 3))
    return project


def wait_until_folded(project: MadeProject, *, samples: int) -> None:
    """Figures come at once, trees and functions a little later."""
    headers = {"Authorization": f"Bearer {project.token}"}
    address = f"{project.url}/api/v1/projects/{project.project_id}/functions/"
    until = time.monotonic() + 100
    found: Any = None
    while time.monotonic() < until:
        found = requests.get(address, headers=headers, timeout=30).json()["data"]
        if found["samples"] >= samples:
            return
        time.sleep(1)
    raise AssertionError(f"not folded: {found}")
