"""examples/fastapi_app, started as its README says."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fake_platform import FakePlatform
from programs import example
from uvicorn.config import WS_PROTOCOLS
from websockets.sync.client import connect


@pytest.fixture
def address(platform: FakePlatform) -> Iterator[str]:
    """Where the app listens. What it has recorded arrives with its end."""
    with example("fastapi_app", platform, code=-signal.SIGTERM) as listening:
        yield listening
    check(platform)


def check(platform: FakePlatform) -> None:
    """What the platform has got when the app has ended."""
    found = {place[1:]: (entry["count"], entry["errors"]) for place, entry in platform.entries().items()}
    assert found == {
        ("GET", "/ferries"): (1, 0),
        ("GET", "/ferries/{ferry}"): (2, 0),
        ("GET", "/tide"): (1, 0),
        ("POST", "/ferries/{ferry}/tickets"): (2, 1),
        ("", "fastapi_app.app.print_ticket"): (1, 0),
        ("GET", "/ferries/{ferry}/crossing"): (1, 0),
        ("WEBSOCKET", "/ferries/{ferry}/bridge"): (1, 0),
        ("GET", "(not found)"): (1, 0),
    }
    profiles: dict[str, dict[str, Any]] = {profile["endpoint"]: profile for profile in platform.profiles}
    assert "fetch_tide" in profiles["/tide"]["session"]["strings"]
    assert "print_ticket" in profiles["fastapi_app.app.print_ticket"]["session"]["strings"]
    failed = [profile.get("error_type") for profile in platform.profiles if profile["status"] == 500]
    assert failed == ["ZeroDivisionError"]
    streams = {"/ferries/{ferry}/crossing", "/ferries/{ferry}/bridge"}
    assert all(profile["streaming"] == (profile["endpoint"] in streams) for profile in platform.profiles)


@pytest.mark.slow
@pytest.mark.skipif("websockets-sansio" not in WS_PROTOCOLS, reason="the example needs uvicorn 0.35")
def test_every_part_of_it_works_and_is_recorded(address: str) -> None:
    with httpx.Client(base_url=f"http://{address}", timeout=20) as client:
        assert len(client.get("/ferries").json()) == 3
        assert client.get("/ferries/2").json()["name"] == "Albatross"
        assert client.get("/ferries/9").status_code == 404
        assert set(client.get("/tide").json()) == {"north", "south", "island"}
        assert client.post("/ferries/1/tickets").json() == {"ferry": 1, "cents_each": 1200}
        assert client.get("/ferries/1/crossing").text.count("data: ") == 6
        assert client.get("/harbours").status_code == 404
    # On a connection of its own, for uvicorn closes it.
    assert httpx.post(f"http://{address}/ferries/1/tickets?passengers=0", timeout=20).status_code == 500
    with connect(f"ws://{address}/ferries/3/bridge") as bridge:
        bridge.send("ahoy")
        assert bridge.recv(20) == "Old Faithful hears: ahoy"
