from __future__ import annotations

import pytest
from django.test import Client

LISTED = "http://localhost:3000"


def preflight(client: Client, origin: str, path: str = "/api/v1/projects/") -> dict[str, str]:
    response = client.options(
        path,
        headers={
            "origin": origin,
            "access-control-request-method": "PUT",
            "access-control-request-headers": "authorization",
        },
    )
    return {name.lower(): value for name, value in response.items()}


def test_a_listed_origin_may_send_credentials(client: Client) -> None:
    headers = preflight(client, LISTED)
    assert headers["access-control-allow-origin"] == LISTED
    assert headers["access-control-allow-credentials"] == "true"
    methods = {method.strip() for method in headers["access-control-allow-methods"].split(",")}
    assert methods == {"GET", "POST", "PUT", "DELETE", "OPTIONS"}
    assert "authorization" in headers["access-control-allow-headers"]


@pytest.mark.parametrize(
    "origin", ["http://localhost:3001", "https://localhost:3000", "null", "http://evil.example"]
)
def test_other_origins_are_told_nothing(client: Client, origin: str) -> None:
    assert "access-control-allow-origin" not in preflight(client, origin)


def test_pages_are_no_part_of_it(client: Client) -> None:
    assert "access-control-allow-origin" not in preflight(client, LISTED, "/login/")
