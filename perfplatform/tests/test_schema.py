from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema

from perfplatform.errors import TABLE


@pytest.fixture(scope="module")
def schema() -> Any:
    response = Client().get("/api/v1/schema/")
    assert response.status_code == 200
    return response.json()


def test_it_is_valid_and_public(schema: Any) -> None:
    validate_schema(schema)  # type: ignore[no-untyped-call]


def test_every_answer_is_an_envelope(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert "204" not in operation["responses"], (method, path)
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if "application/json" in content:
                    found = content["application/json"]["schema"]
                    assert set(found["required"]) == {"code", "msg", "data"}, (method, path, status)


def test_the_code_table_is_in_it(schema: Any) -> None:
    for code in TABLE:
        assert f"| {code.value} | {code.name} |" in schema["info"]["description"]


def test_the_documentation_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/v1/docs/").content.decode()
    assert 'src="/static/' in page
    assert "http://" not in page
    assert "https://" not in page
