"""Puts words to findings, in the reader's language: what is wrong, why, and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from analysis.detectors import BY_NAME
from analysis.examples import example
from analysis.finding import Confidence, Finding, Severity
from profiles.amounts import duration, percent_of


@dataclass(frozen=True)
class Words:
    """Texts of one detector, or of one fault that it tells; what is in `%(…)s` comes from the finding."""

    title: Any
    explanation: Any
    fix: Any


@dataclass(frozen=True)
class Explained:
    """A finding as a person reads it."""

    title: str
    explanation: str
    fix: str
    example: str
    fix_url: str


SEVERITIES: Final = {
    Severity.CRITICAL: _("critical"),
    Severity.WARNING: _("warning"),
    Severity.INFO: _("note"),
}
CONFIDENCES: Final = {
    Confidence.HIGH: _("certain"),
    Confidence.MEDIUM: _("likely"),
    Confidence.LOW: _("possible"),
}
WORDS: Final = {
    "repeated_queries": Words(
        _("Repeated queries (N+1)"),
        _(
            "%(function)s runs %(count)s queries in one request, %(statements)s different ones. "
            "Together they take %(share)s of the time. The most frequent one: %(statement)s"
        ),
        _("Fetch what the loop needs before it, in one query: join it, or ask for all ids at once."),
    ),
    "database": Words(
        _("Much time in queries"),
        _(
            "%(share)s of the time (%(time)s) passes in queries that %(function)s makes. Samples "
            "don’t tell whether it is one slow query or many quick ones."
        ),
        _(
            "Look at the plan of the query and add the index that it lacks; ask for the rows and "
            "columns that are needed."
        ),
    ),
    "rows_in_python": Words(
        _("Rows worked on in Python"),
        _(
            "%(function)s queries the database and then spends %(share)s of the time (%(time)s) in "
            "code of its own. It may fetch much and add up, filter or sort what the database could."
        ),
        _("Let the database add up, filter, sort and cut off, and fetch the result alone."),
    ),
    "pool_wait": Words(
        _("Waiting for a connection"),
        _(
            "%(share)s of the time (%(time)s) %(function)s waits until it has a connection: the pool "
            "is used up, or a connection is opened anew."
        ),
        _(
            "Keep connections open, give them back sooner, and make the pool as large as the number "
            "of threads that use it."
        ),
    ),
    "blocking_call": Words(
        _("Blocking call in a coroutine"),
        _(
            "%(function)s runs on the event loop and waits in %(call)s for %(share)s of the time "
            "(%(time)s). No other request of the process goes on meanwhile."
        ),
        _("Use a library that can be awaited, or hand the call to a thread."),
    ),
    "sleep": Words(
        _("Sleeping during a request"),
        _("%(function)s sleeps for %(share)s of the time (%(time)s)."),
        _("Answer at once and let a background task wait, or be told instead of asking again and again."),
    ),
    "lock_wait": Words(
        _("Waiting for a lock or a thread"),
        _("%(function)s waits in %(call)s for %(share)s of the time (%(time)s)."),
        _(
            "Do less while the lock is held, use one lock for each thing instead of one for all, or "
            "do without."
        ),
    ),
    "outbound_http": Words(
        _("Much time in calls to other services"),
        _("%(share)s of the time (%(time)s) passes in HTTP calls that %(function)s makes."),
        _("Cache the answer, set a short timeout, and keep one session for all calls."),
    ),
    "outbound_http:serial": Words(
        _("HTTP calls one after the other"),
        _(
            "%(function)s makes %(count)s HTTP calls in one request, one after the other. They take "
            "%(share)s of the time (%(time)s)."
        ),
        _("Make the calls side by side if none needs the answer of another, or ask once for all of it."),
    ),
    "outbound_http:handshakes": Words(
        _("A TLS handshake for each call"),
        _(
            "Of the time that %(function)s spends in HTTP calls (%(share)s), %(handshakes)s go to "
            "TLS handshakes and their preparation: a new connection is opened each time."
        ),
        _("Keep one session for the process: it reuses its connections."),
    ),
    "serialisation": Words(
        _("Much time in serialisation"),
        _(
            "%(share)s of the time (%(time)s) passes in turning data into text or back, called by "
            "%(function)s."
        ),
        _("Send less: fewer rows and fields. A faster library helps after that."),
    ),
    "serialisation:round_trip": Words(
        _("Serialised and read again"),
        _(
            "%(function)s writes and reads the same kind of data: %(share)s of the time (%(time)s) "
            "passes in both together."
        ),
        _("Hand the data on as it is, and turn it into text once, at the end."),
    ),
    "serialisation:slow_encoder": Words(
        _("JSON encoded in Python instead of C"),
        _(
            "%(function)s uses an option of json, such as indent, with which its encoder runs in "
            "Python. It takes %(share)s of the time (%(time)s)."
        ),
        _("Leave out the option where no person reads the result, or use orjson."),
    ),
    "regex_compilation": Words(
        _("Regular expressions compiled again"),
        _(
            "%(function)s spends %(share)s of the time (%(time)s) on compiling patterns. The module "
            "re remembers 512; beyond that each is compiled again."
        ),
        _("Compile patterns once, at import, and make one of many."),
    ),
    "imports": Words(
        _("Imports during requests"),
        _(
            "%(function)s spends %(share)s of the time (%(time)s) on loading modules, or on looking "
            "for ones that aren’t installed."
        ),
        _("Import at the top of the file, so that the process does it once when it starts."),
    ),
    "template_compilation": Words(
        _("Templates compiled again"),
        _(
            "%(function)s spends %(share)s of the time (%(time)s) on compiling templates, before any "
            "is rendered."
        ),
        _("Load templates by name, which keeps them compiled, and not from strings."),
    ),
    "deepcopy": Words(
        _("Deep copies"),
        _("%(function)s spends %(share)s of the time (%(time)s) on deep copies."),
        _("Copy only what is changed, or don’t change what is shared."),
    ),
    "password_hashing": Words(
        _("Password hashing"),
        _(
            "%(function)s spends %(share)s of the time (%(time)s) on hashing passwords. That is slow "
            "by design, and right at a login alone."
        ),
        _("Check the password once, at the login, and a session or a signed token after that."),
    ),
    "compression": Words(
        _("Compression"),
        _("%(function)s spends %(share)s of the time (%(time)s) on compressing."),
        _("Use a lower level, keep what was compressed, or leave it to the server in front."),
    ),
    "logging": Words(
        _("Heavy logging"),
        _("%(function)s spends %(share)s of the time (%(time)s) on writing to the log."),
        _(
            "Log once for the whole instead of once for each row, at a level that is off in "
            "production, or from another thread."
        ),
    ),
    "file_io": Words(
        _("Files read or written"),
        _("%(function)s spends %(share)s of the time (%(time)s) on files and directories (%(call)s)."),
        _("Read what does not change once, at the start, and keep it."),
    ),
    "subprocess": Words(
        _("Another program is run"),
        _("%(function)s waits for another program for %(share)s of the time (%(time)s)."),
        _("Use a library in the process, or let a background task run the program."),
    ),
    "pandas_rows": Words(
        _("Rows of a frame walked over in Python"),
        _("%(function)s walks over rows with %(call)s for %(share)s of the time (%(time)s)."),
        _("Work on whole columns."),
    ),
    "wall_above_cpu": Words(
        _("Waiting for something unseen"),
        _(
            "The thread did not compute for %(idle)s, and no other finding says why. Most of what "
            "may wait is called by %(function)s. A machine that is too busy looks the same."
        ),
        _("Look for locks taken with “with”, pipes, sockets and slow disks there."),
    ),
}


def explain(finding: Finding) -> Explained:
    """In the language that is active."""
    words = words_of(finding)
    values = {
        "function": finding.function_name,
        "call": finding.call,
        "share": percent_of(finding.share, 1),
        "time": duration(finding.time_us),
        "handshakes": duration(finding.parameters.get("handshakes_us", 0)),  # type: ignore[arg-type]
        "idle": duration(finding.parameters.get("idle_us", 0)),  # type: ignore[arg-type]
        "count": _number(finding.parameters.get("count", 0)),
        "statements": _number(finding.parameters.get("statements", 0)),
        "statement": finding.parameters.get("statement", ""),
    }
    return Explained(
        title=str(words.title),
        explanation=str(words.explanation) % values,
        fix=str(words.fix),
        example=example(finding),
        fix_url=BY_NAME[finding.detector].fix_url,
    )


def words_of(finding: Finding) -> Words:
    fault = finding.parameters.get("fault", "")
    return WORDS.get(f"{finding.detector}:{fault}") or WORDS[finding.detector]


def title_of(detector: str) -> str:
    """The usual title of a detector's findings."""
    return str(WORDS[detector].title)


def _number(value: Any) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"
