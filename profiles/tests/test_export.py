"""What is exported from the store is what pyinstrument would have written in the target process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinstrument.profiler import Profiler
from pyinstrument.renderers import ConsoleRenderer, HTMLRenderer, SpeedscopeRenderer
from pyinstrument.renderers.session import SessionRenderer
from pyinstrument.session import Session

from profiles import blob, export, recording
from profiles.file_format import Content, NotRenderable
from profiles.recording import InvalidRecording, Plain
from profiles.session_table import session_from_table, table_from_session
from profiles.tests import vectors

CASES = vectors.load("sessions.json")
MAIN = "main\x00/srv/app/main.py\x001"
HOSTILE = "</script><script>alert(1)</script>"


def stored(session: dict[str, Any]) -> dict[str, Any]:
    """Return a session as it comes back from the store."""
    table = table_from_session(msgspec.convert(session, Plain))
    recording.check(table)
    return session_from_table(blob.unpack(blob.pack(table))).as_dict()


def session(records: list[Any], **changes: Any) -> dict[str, Any]:
    return {**CASES[3]["session"], "frame_records": records, "sample_count": len(records), **changes}


def written(content: Content) -> str:
    """Return a text that may come bit by bit."""
    assert not isinstance(content, bytes)
    return content if isinstance(content, str) else "".join(content)


def page_data(page: str) -> Any:
    """Return what the script of an HTML export parses."""
    found = re.search(r"const sessionData = (.*);\n", page)
    assert found
    return json.loads(found[1])


@pytest.fixture(scope="module")
def recorded() -> Session:
    """A recording of this process, never turned into JSON."""
    profiler = Profiler(interval=0.0005, async_mode="disabled")
    with profiler:
        for _ in range(60):
            json.loads(json.dumps([{"number": number} for number in range(300)], indent=1))
    assert profiler.last_session
    return profiler.last_session


RENDERERS: list[tuple[Callable[[dict[str, Any]], Content], Any]] = [
    (export.speedscope, SpeedscopeRenderer),
    (export.text, lambda: ConsoleRenderer(unicode=True, color=False)),
    (export.pyisession, SessionRenderer),
]


def test_same_as_from_the_original_session(recorded: Session) -> None:
    back = stored(json.loads(json.dumps(recorded.to_json())))
    for exported, renderer in RENDERERS:
        assert written(exported(back)) == renderer().render(recorded)
    assert page_data(export.html(back)) == page_data(HTMLRenderer().render(recorded))
    # Nothing in this recording needs an escape but angle brackets of names such as <module>.
    assert export.html(back).replace("\\u003c", "<").replace("\\u003e", ">") == HTMLRenderer().render(
        recorded
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_every_vector_is_rendered_as_by_pyinstrument(case: dict[str, Any]) -> None:
    back = stored(case["session"])
    original = Session.from_json(case["session"])
    for exported, renderer in RENDERERS:
        expected = renderer().render(original)
        if exported is export.text:
            expected = re.sub("[\x00-\x09\x0b-\x1f\x7f-\x9f]", "\ufffd", expected)
        assert written(exported(back)) == expected
    assert page_data(export.html(back)) == page_data(HTMLRenderer().render(original))


def test_a_hostile_name_is_no_markup() -> None:
    frames = [MAIN, f"{HOSTILE}\x00/srv/{HOSTILE}.py\x001\x01c{HOSTILE}", "<!--<script>\x00/srv/a.py\x001"]
    hostile = session(
        [[frames, 0.1], [[MAIN], 0.1]], target_description=HOSTILE, sys_path=[HOSTILE, "\u2028"]
    )
    page = export.html(stored(hostile))
    harmless = export.html(stored(session([[[MAIN], 0.1]])))
    for mark in ("<script", "</script", "<!--", "<style"):
        assert page.count(mark) == harmless.count(mark)
    assert page_data(page)["session"]["target_description"] == HOSTILE
    assert HOSTILE in json.dumps(page_data(page)["frame_tree"])


def test_data_that_looks_like_the_page_around_it() -> None:
    tail = ";\n                    pyinstrumentHTMLRenderer.render("
    name = f"const sessionData = {tail}{HOSTILE}"
    page = export.html(stored(session([[[MAIN, f"{name}\x00/srv/a.py\x001"], 0.1]])))
    assert HOSTILE not in page
    assert page_data(page)["frame_tree"]["children"][0]["identifier"].startswith(name)


def test_a_name_steers_no_terminal() -> None:
    assert "\x1b" not in export.text(stored(session([[[MAIN, "\x1b[2J\x00/srv/a.py\x001"], 0.1]])))


@pytest.mark.parametrize("format_name", ["html", "speedscope", "text"])
def test_stacks_too_deep_for_pyinstrument_are_said_so(format_name: str) -> None:
    deep = stored(session([[[MAIN] + ["walk\x00/srv/app/tree.py\x001"] * 4_999, 0.1]]))
    with pytest.raises(NotRenderable, match="too deep"):
        export.FORMATS[format_name].render(deep)
    assert json.loads(written(export.pyisession(deep)))["sample_count"] == 1


def test_recordings_too_large_for_pyinstrument_are_said_so() -> None:
    """Two stacks that take turns share nothing: pyinstrument would build every frame anew."""
    stacks = [[f"{name}\x00/srv/a.py\x00{line}" for line in range(200)] for name in "ab"]
    large = session([[stacks[number % 2], 0.001] for number in range(2_000)])
    with pytest.raises(NotRenderable, match="too large"):
        export.html(large)
    assert json.loads(written(export.pyisession(large))) == large


def test_a_duration_that_contradicts_its_samples_costs_no_minutes() -> None:
    """The HTML renderer would double an interval of almost nothing a thousand times."""
    many = session([[[MAIN], 0.001]] * 100_001, duration=1e-300)
    assert page_data(export.html(many))["frame_tree"]["time"] == pytest.approx(100, rel=0.1)


def test_a_recording_of_endless_names_comes_bit_by_bit() -> None:
    """Each sample is 4 MB of text; no more than one of them is in memory."""
    stack = [MAIN] + ["w" * 4_000 + "\x00/srv/app/tree.py\x001"] * 999
    longest = 0
    total = 0
    for chunk in export.pyisession(session([[stack, 0.1]] * 20)):
        longest, total = max(longest, len(chunk)), total + len(chunk)
    assert total > 20 * 4_000_000
    assert longest < 5_000_000


frames = st.lists(
    st.sampled_from(
        [*"\x00\x0117-<", "f", "/a.py", "<string>", "[await]", "[self]", "[out-of-context]", "[root]"]
    ),
    max_size=6,
).map("".join)
records = st.lists(st.tuples(st.lists(frames, max_size=5), st.floats(0, 86400)), max_size=8)
number = st.floats(0, 86400)


@given(records=records, start=st.lists(frames, min_size=1, max_size=2), duration=number, interval=number)
def test_whatever_is_accepted_can_be_rendered(
    records: list[Any], start: list[str], duration: float, interval: float
) -> None:
    changes = {"start_call_stack": start, "duration": duration, "max_interval": interval}
    try:
        accepted = stored(session(records, start_time=duration * 2_932_896, **changes))
    except InvalidRecording:
        return
    for chosen in export.FORMATS.values():
        content = chosen.render(accepted)
        # Without a microsecond, no stack is worth a line.
        assert isinstance(content, bytes) or written(content) or chosen.suffix == "folded.txt"
