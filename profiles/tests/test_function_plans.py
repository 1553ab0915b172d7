"""An index serves what the table of functions asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import ObjectId

from profiles.function_sums import Sums
from profiles.grain import HOUR, Grain
from profiles.models import FunctionSums
from profiles.models.function_sums import table_query
from profiles.models.tree_blob import tree_period
from profiles.scope import Scope
from profiles.tests.test_trends import assert_served, explain

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "parts"), [({}, 4), ({"version": 0}, 2), ({"version": 1, "environment": "staging"}, 1)]
)
def test_an_index_serves_the_table_of_functions(asked: dict[str, Any], parts: int) -> None:
    project_id, versions = ObjectId(), [ObjectId(), ObjectId()]
    for owner, made in ((project_id, versions), (ObjectId(), [ObjectId()])):
        for version_id in made:
            for environment in ("production", "staging"):
                scope = Scope(owner, version_id, "1", environment)
                for hours in range(100):
                    sums = {"sampler": Sums(1, 1), "pyinstrument": Sums(1, 1)}
                    start = NOW - hours * HOUR
                    FunctionSums.objects.replace(scope, Grain.HOUR, start, sums=sums, source=1)
    chosen = {name: value for name, value in asked.items() if name == "environment"}
    if "version" in asked:
        chosen["version_id"] = versions[asked["version"]]
    period = tree_period(NOW - timedelta(hours=24), NOW, now=NOW, zone=ZoneInfo("UTC"))
    query = table_query(project_id, engine="sampler", period=period, **chosen)
    assert_served(explain(FunctionSums, {"filter": query}), returned=24 * parts, spare=12)
