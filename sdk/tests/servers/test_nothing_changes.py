"""Under each server, an app says the same on the wire and in its log, recorded or not; and loses no count."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from cells import CELLS, Cell, request
from fake_platform import FakePlatform
from running import Running

pytestmark = pytest.mark.slow


class Talk(NamedTuple):
    """All that was asked of a server, and said by it."""

    answers: dict[str, bytes]
    lines: dict[str, int]
    text: str
    exit_code: int


def talk(server: Running) -> Talk:
    with server:
        answers = {text: server.ask(text) for text in server.cell.requests}
        if not server.cell.hangs:
            assert b"data: tick" in server.ask(request("GET", "/endless"), read=100_000)
            # The client is gone: the server says so to the app, which says it here.
            server.wait_for(lambda: "closed" in server.said())
        server.wait_until_quiet()
        exit_code = server.stop()
    return Talk(answers, dict(server.lines()), server.said(), exit_code)


@pytest.mark.parametrize("engine", ["pyinstrument", "auto"])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_nothing_changes(cell: Cell, engine: str, platform: FakePlatform, tmp_path: Path) -> None:
    (tmp_path / "report.bin").write_bytes(bytes(range(256)) * 100)
    bare = talk(Running(cell, tmp_path))
    recorded = talk(Running(cell, tmp_path, platform_url=platform.url, engine=engine))
    for text in cell.requests:
        assert recorded.answers[text] == bare.answers[text], text
        assert bare.answers[text], text
    assert b"<pause>" in bare.answers[request("GET", "/stream")]
    assert recorded.lines == bare.lines
    assert recorded.exit_code == bare.exit_code
    # All of it was recorded, and has arrived when the server has stopped: one request asks another.
    counts = {place: entry["count"] for place, entry in platform.entries().items() if place[0] == "request"}
    assert sum(counts.values()) == len(cell.requests) + 2 - cell.hangs, counts
    assert "internal_error" not in platform.dropped()
    assert "hunter2" not in str(platform.batches)
