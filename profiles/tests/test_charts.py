from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from profiles import charts, histogram
from profiles.grain import HOUR, Grain
from profiles.rollup import ClassTotals, Rollup
from profiles.timeline import Timeline
from profiles.trends import Period, Series
from projects.deploys import DeployMark

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture
def timeline() -> Timeline:
    """120 requests of which 3 failed, an hour without any, and 6 that nothing timed."""
    lanes = histogram.lanes([(histogram.index(20_000), 114), (histogram.index(500_000), 6)])
    busy = Rollup(120, 3, {"sampler": ClassTotals(120, 1, lanes)})
    period = Period(Grain.HOUR, START, START + 3 * HOUR)
    return Timeline.of(Series.of(period, [(START, busy), (START + 2 * HOUR, Rollup(6))]), zone=ZONE)


def test_each_line_has_a_value_for_each_stretch(timeline: Timeline) -> None:
    latency, throughput, errors = (chart.data() for chart in charts.over_time(timeline, zone=ZONE))
    assert [line["look"] for line in latency["lines"]] == ["p50", "p95", "p99"]
    p50, p95, p99 = (line["values"] for line in latency["lines"])
    assert (p50[0], p95[0], p99[0]) == pytest.approx((20_000, 20_000, 500_000), rel=0.011)
    # Nothing was timed there, which is not 0 µs.
    assert p50[1:] == p95[1:] == p99[1:] == [None, None]
    assert throughput["lines"][0]["values"] == [2, 0, 0.1]
    assert errors["lines"][0]["values"] == [0.025, None, 0]
    for data in (latency, throughput, errors):
        assert len(data["edges"]) == 4
        assert data["edges"][-1] - data["edges"][0] == 3 * 3_600_000
        assert data["zone"] == "Europe/Berlin"


def test_deploys_are_marked_on_each(timeline: Timeline) -> None:
    mark = DeployMark("1.5</script>", "production", START + timedelta(minutes=90))
    for chart in charts.over_time(timeline, zone=ZONE, marks=[mark]):
        assert chart.data()["marks"] == [
            {"at": 1_795_512_600_000, "name": "1.5</script>", "environment": "production"}
        ]
        json.dumps(chart.data())
    ids = [chart.data_id for chart in charts.over_time(timeline, zone=ZONE)]
    assert len(set(ids)) == 3
