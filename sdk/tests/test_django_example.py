"""examples/django_app, started as its README says."""

from __future__ import annotations

from collections.abc import Iterator

import django
import httpx
import pytest
from fake_platform import FakePlatform
from programs import example


@pytest.fixture
def address(platform: FakePlatform) -> Iterator[str]:
    """Where the library listens. What it has recorded arrives with its end."""
    with example("django_app", platform) as listening:
        yield listening
    check(platform)


def check(platform: FakePlatform) -> None:
    """What the platform has got when the library has closed."""
    found = {route: (entry["count"], entry["errors"]) for (_, _, route), entry in platform.entries().items()}
    assert found == {
        "/": (1, 0),
        "/books/<int:number>/": (2, 0),
        "/books/<int:number>/queue/<int:readers>/": (2, 1),
        "/branches/": (1, 0),
        "/export.csv": (1, 0),
        "(not found)": (1, 0),
    }
    profiles = {profile["endpoint"]: profile for profile in platform.profiles}
    assert "show_catalogue" in profiles["/"]["session"]["strings"]
    assert "ask_branch" in profiles["/branches/"]["session"]["strings"]
    statements = [row for row in profiles["/"].get("counters", []) if row["type"] == "db"]
    assert sum(row["count"] for row in statements) == 61
    failed = [profile["error_type"] for profile in platform.profiles if profile["status"] == 500]
    assert failed == ["ZeroDivisionError"]
    assert all(
        profile["streaming"] == (profile["endpoint"] == "/export.csv") for profile in platform.profiles
    )


@pytest.mark.slow
@pytest.mark.skipif(django.VERSION < (4, 2), reason="the example streams asynchronously: Django 4.2")
def test_every_part_of_it_works_and_is_recorded(address: str) -> None:
    with httpx.Client(base_url=f"http://{address}", timeout=20) as client:
        assert client.get("/").text.count("<li>") == 60
        assert client.get("/books/5/").json() == {"title": "Volume 5", "author": "Author 5"}
        assert client.get("/books/99/").status_code == 404
        assert client.get("/books/11/queue/3/").json() == {"weeks": 6.0}
        assert client.get("/books/10/queue/3/").status_code == 500
        assert client.get("/branches/").json() == {"harbour": True, "hill": True, "station": True}
        assert client.get("/export.csv").text.count("\n") == 61
        assert client.get("/reading-room").status_code == 404
