"""A recording as other tools read it, by pyinstrument's own renderers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from pyinstrument.renderers import ConsoleRenderer, HTMLRenderer, SpeedscopeRenderer
from pyinstrument.session import Session

# pyinstrument keeps an object of about 1 KB for each frame of its tree, and cannot merge as it grows.
MOST_TREE_FRAMES: Final = 300_000
# Beyond it the HTML renderer thins a recording, to an interval that it takes from the duration.
MOST_HTML_SAMPLES: Final = 100_000

SessionDict = dict[str, Any]


class NotRenderable(ValueError):
    """pyinstrument can't write this recording in this format; the text says why, for people."""


@dataclass(frozen=True)
class Format:
    """One way to write a recording down."""

    render: Callable[[SessionDict], str]
    content_type: str
    suffix: str


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
    return rendered.translate(_CONTROL_CHARACTERS)


def pyisession(session: SessionDict) -> str:
    """Write the file that `pyinstrument --load` reads: the same as its own session renderer."""
    return json.dumps(_session(session).to_json())


FORMATS: Final[Mapping[str, Format]] = {
    "html": Format(html, "text/html; charset=utf-8", "html"),
    "speedscope": Format(speedscope, "application/octet-stream", "speedscope.json"),
    "text": Format(text, "text/plain; charset=utf-8", "txt"),
    "session": Format(pyisession, "application/octet-stream", "pyisession"),
}

_CONTROL_CHARACTERS: Final = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) != "\n"
}
# What stands before and behind the data in pyinstrument's page.
_BEFORE_DATA: Final = "const sessionData = "
_BEHIND_DATA: Final = ";\n                    pyinstrumentHTMLRenderer.render("
# The same strings for JSON and JavaScript, without a meaning in HTML.
_ESCAPES: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def _load(session: SessionDict) -> Session:
    if _tree_frames(session) > MOST_TREE_FRAMES:
        raise NotRenderable(
            "The recording is too large for this format. Download the session and open it with pyinstrument."
        )
    return _session(session)


def _session(session: SessionDict) -> Session:
    loaded: Session = Session.from_json(session)
    return loaded


def _tree_frames(session: SessionDict) -> int:
    """How many objects pyinstrument would build: what each sample does not share with the one before."""
    count = 0
    before: list[str] = []
    for stack, _seconds in session["frame_records"]:
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(before, stack, strict=False))
        count += len(stack) - len(list(shared)) + 1
        before = stack
    return count


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
