"""A recording as other tools read it, by pyinstrument's own renderers where these lose nothing.

Its PstatsRenderer leaves out small functions and counts recursions twice; ours is of the whole call tree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final

from pyinstrument.renderers import ConsoleRenderer, HTMLRenderer, SpeedscopeRenderer
from pyinstrument.session import Session

from profiles import calltree, export_pprof, export_pstats, export_tree
from profiles.calltree import MICROSECONDS, CallTree
from profiles.file_format import CONTROL_CHARACTERS, Format, NotRenderable, in_chunks

# pyinstrument keeps an object of about 1 KB for each frame of its tree, and cannot merge as it grows.
MOST_TREE_FRAMES: Final = 300_000
# Their names are written out for each; this is three times what so many usually have.
MOST_TREE_CHARACTERS: Final = 100_000_000
# Beyond it the HTML renderer thins a recording, to an interval that it takes from the duration.
MOST_HTML_SAMPLES: Final = 100_000

SessionDict = dict[str, Any]


def html(session: SessionDict) -> str:
    """Write pyinstrument's interactive page. Raises NotRenderable."""
    loaded = _load(session)
    renderer = HTMLRenderer(resample_interval=_resample_interval(loaded))
    return _disarm(_guarded(renderer.render, loaded))


def speedscope(session: SessionDict) -> str:
    """Write the JSON that speedscope opens. Raises NotRenderable."""
    return _guarded(SpeedscopeRenderer().render, _load(session))


def text(session: SessionDict) -> str:
    """Write pyinstrument's tree for terminals. Raises NotRenderable."""
    rendered = _guarded(ConsoleRenderer(unicode=True, color=False).render, _load(session))
    # A name must not steer the terminal that shows the file.
    return rendered.translate(CONTROL_CHARACTERS)


def pyisession(session: SessionDict) -> Iterator[str]:
    """Write the file that `pyinstrument --load` reads, as its own session renderer does, but bit by bit."""
    return in_chunks(_json_pieces(_session(session).to_json()))


def pstats(session: SessionDict) -> bytes:
    """Write what `pstats.Stats` and its viewers load. Raises NotRenderable."""
    return export_pstats.pstats(_tree(session))


def folded(session: SessionDict) -> Iterator[str]:
    """Write a line for each stack that was seen, for flame graphs. Raises NotRenderable."""
    return export_tree.folded(_tree(session))


def pprof(session: SessionDict) -> bytes:
    """Write what pprof reads. Raises NotRenderable."""
    return export_pprof.pprof(
        _tree(session),
        started_at=datetime.fromtimestamp(session["start_time"], UTC),
        duration_us=round(session["duration"] * MICROSECONDS),
        interval_us=round(session["max_interval"] * MICROSECONDS),
    )


FORMATS: Final[Mapping[str, Format[SessionDict]]] = {
    "html": Format(html, "text/html; charset=utf-8", "html"),
    "speedscope": Format(speedscope, "application/octet-stream", "speedscope.json"),
    "text": Format(text, "text/plain; charset=utf-8", "txt"),
    "session": Format(pyisession, "application/octet-stream", "pyisession"),
    "pstats": Format(pstats, "application/octet-stream", "pstats"),
    "folded": Format(folded, export_tree.FOLDED.content_type, export_tree.FOLDED.suffix),
    "pprof": Format(pprof, "application/octet-stream", "pb.gz"),
}

# What stands before and behind the data in pyinstrument's page.
_BEFORE_DATA: Final = "const sessionData = "
_BEHIND_DATA: Final = ";\n                    pyinstrumentHTMLRenderer.render("
# The same strings for JSON and JavaScript, without a meaning in HTML.
_ESCAPES: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def _load(session: SessionDict) -> Session:
    _check_size(stack for stack, _seconds in session["frame_records"])
    return _session(session)


def _tree(session: SessionDict) -> CallTree:
    """Ours merges as it grows, so what counts is the different stacks; equal ones are one list."""
    _check_size({id(stack): stack for stack, _seconds in session["frame_records"]}.values())
    return calltree.from_session(session)


def _session(session: SessionDict) -> Session:
    loaded: Session = Session.from_json(session)
    return loaded


def _check_size(stacks: Iterable[Sequence[str]]) -> None:
    """Count what each stack does not share with the one before: for each such frame there is an object."""
    frames = characters = 0
    before: Sequence[str] = ()
    for stack in stacks:
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(before, stack, strict=False))
        new = stack[len(list(shared)) :]
        frames += len(new) + 1
        characters += sum(map(len, new))
        before = stack
    if frames > MOST_TREE_FRAMES or characters > MOST_TREE_CHARACTERS:
        raise NotRenderable(
            "The recording is too large for this format. Download the session and open it with pyinstrument."
        )


def _json_pieces(session: SessionDict) -> Iterator[str]:
    """What `json.dumps` would write, one sample at a time: each repeats all names of its stack."""
    separator = "{"
    for name, value in session.items():
        yield f"{separator}{json.dumps(name)}: "
        separator = ", "
        if name == "frame_records":
            yield "["
            for number, record in enumerate(value):
                yield (", " if number else "") + json.dumps(record)
            yield "]"
        else:
            yield json.dumps(value)
    yield "}"


def _resample_interval(session: Session) -> float | None:
    """None leaves it to pyinstrument, which would try for minutes if the duration contradicts the samples."""
    if len(session.frame_records) <= MOST_HTML_SAMPLES:
        return None
    total = sum(seconds for _stack, seconds in session.frame_records)
    return None if session.duration >= total / 10 else total / 10_000


def _guarded(render: Callable[[Session], str], session: Session) -> str:
    try:
        return render(session)
    except RecursionError as error:
        raise NotRenderable(
            "The stacks are too deep for this format. Download the session instead."
        ) from error


def _disarm(page: str) -> str:
    """Escape the data of pyinstrument's page, which trusts names; what the page parses stays the same."""
    start = page.index(_BEFORE_DATA) + len(_BEFORE_DATA)
    end = page.rindex(_BEHIND_DATA)
    return page[:start] + page[start:end].translate(_ESCAPES) + page[end:]
