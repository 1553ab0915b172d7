"""Under each server, what was recorded a moment ago arrives when the server is asked to stop."""

from __future__ import annotations

from pathlib import Path

import pytest
from cells import CELLS, Cell, request
from fake_platform import FakePlatform
from running import Running

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_graceful_stop_loses_nothing(cell: Cell, platform: FakePlatform, tmp_path: Path) -> None:
    with Running(cell, tmp_path, platform_url=platform.url, engine="auto") as server:
        for number in range(5):
            answer = server.ask(request("GET", f"/json/{number}"))
            assert answer.split()[1] == b"200", answer  # werkzeug 2.0 still answers by HTTP/1.0
        server.stop()
    (entry,) = platform.entries().values()
    assert entry["count"] == 5
