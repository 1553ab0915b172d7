"""The tables of docs/performance.md and its translation, written from a report's rows."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.sdk_apps import modes, shop
from benchmarks.support.report import Report, machine

from .chinese import in_chinese

FOLDER = Path(__file__).parents[2] / "docs"
BEGIN, END = "<!-- begin: measured -->", "<!-- end: measured -->"
MODES = (
    modes.AGAIN,
    modes.NONE,
    modes.AUTO,
    modes.SAMPLER,
    modes.PYINSTRUMENT,
    modes.PROFILER,
    modes.MIDDLEWARE,
    modes.SENTRY,
)
RATIOS = {
    "process_cpu_ratio": "CPU of the process",
    "thread_cpu_ratio": "CPU of the request's thread",
    "wall_ratio": "Wall-clock time",
}
Say = Callable[[str], str]
Row = Mapping[str, Any]


def write(report: Report, versions: Mapping[str, str]) -> None:
    """Put the tables in the place of those that stand there."""
    for name, say in (("performance.md", str), ("performance.zh-CN.md", in_chinese)):
        file = FOLDER / name
        file.write_text(replaced(file.read_text("utf-8"), block(report, versions, say)), "utf-8")


def replaced(text: str, new: str) -> str:
    """The document with `new` between its two marks. ValueError where it has not both of them."""
    before, found, rest = text.partition(BEGIN)
    _old, also, after = rest.partition(END)
    if not (found and also):
        raise ValueError(f"the document lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


def block(report: Report, versions: Mapping[str, str], say: Say) -> str:
    """All tables, with where and when they were measured."""
    found = machine()
    where = (
        found["system"],
        f"{found['cores']} {say('cores')}",
        f"{say('load')} {found['load'][0]}",
        f"Python {platform.python_version()}",
    )
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [
        f"{say('Measured on')} {datetime.now(UTC):%Y-%m-%d}: {', '.join(where)}, {packages}.",
        targets(report, say),
        *(ratios(rows_of(report, "cost"), figure, say) for figure in RATIOS),
        *(
            part(report, say)
            for part in (trivial, mixed, after_the_handler, shares, coverage, rare_requests, volume)
        ),
    ]
    return "\n\n".join(parts)


def rows_of(report: Report, part: str) -> list[Row]:
    return [row for row in report.rows if row["part"] == part]


def table(title: str, heads: Iterable[str], rows: Iterable[Sequence[object]], say: Say) -> str:
    """A heading and a table in Markdown."""
    heads = [say(head) for head in heads]
    lines = [heads, ["---"] * len(heads), *([str(cell) for cell in row] for row in rows)]
    return f"### {say(title)}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(row: Row, name: str) -> str:
    return f"{row[name]} ({row[name + '_low']}–{row[name + '_high']})"


def targets(report: Report, say: Say) -> str:
    rows = [
        (
            say(target.name),
            f"{target.value} {say(target.unit)}",
            target.limit,
            say("yes" if target.ok else "no"),
        )
        for target in report.targets
    ]
    return table("Targets", ("target", "value", "limit", "met"), rows, say)


def ratios(rows: Sequence[Row], figure: str, say: Say) -> str:
    """One line a framework and load, one column a mode, each against no SDK."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row["against"] == modes.BARE:
            line = lines.setdefault((row["framework"], row["load"]), {})
            line[row["mode"]] = spread(row, figure)
    found = [(*place, *(line.get(mode, "") for mode in MODES)) for place, line in lines.items()]
    return table(RATIOS[figure], ("framework", "requests", *MODES), found, say)


def trivial(report: Report, say: Say) -> str:
    rows = [
        (row["framework"], row["mode"], spread(row, "process_cpu_added_us"))
        for row in rows_of(report, "cost")
        if row["load"] == shop.TRIVIAL and row["against"] == modes.BARE
    ]
    return table("A trivial request", ("framework", "mode", "us of CPU added"), rows, say)


def mixed(report: Report, say: Say) -> str:
    rows = [
        (
            row["framework"],
            row["load"],
            spread(row, "process_cpu_mean_ratio"),
            spread(row, "p99_not_kept_ratio"),
        )
        for row in rows_of(report, "cost")
        if row["mode"] == modes.AUTO and "p99_not_kept_ratio" in row
    ]
    heads = ("framework", "requests", "mean CPU of the process", "p99 of what was not kept")
    return table("The default on mixed requests", heads, rows, say)


def after_the_handler(report: Report, say: Say) -> str:
    rows = [
        (row["mode"], row["samples"], spread(row, "added_us")) for row in rows_of(report, "after the handler")
    ]
    return table("After the handler", ("mode", "samples", "us of CPU added"), rows, say)


def shares(report: Report, say: Say) -> str:
    """One line an engine and kind, one column a length of requests."""
    lines: dict[tuple[str, str, str], dict[int, str]] = {}
    for row in rows_of(report, "shares"):
        line = lines.setdefault((row["engine"], row["on"], row["kind"]), {})
        line[row["request_ms"]] = f"{row['worst_points']}" if row["samples"] else "–"
    lengths = sorted({length for line in lines.values() for length in line})
    found = [(*place, *(line.get(length, "") for length in lengths)) for place, line in lines.items()]
    heads = ("engine", "", "kind", *(f"{length} ms" for length in lengths))
    return table("Shares of functions", heads, found, say)


def coverage(report: Report, say: Say) -> str:
    rows = [
        (
            *(row["framework"], row["requests"], row["counted"], row["requested"], row["with_chain"]),
            *(row["long"], row["long_with_samples"], row["fewest_samples"]),
        )
        for row in rows_of(report, "coverage")
    ]
    heads = (
        *("framework", "requests", "counted", "endpoints", "with a chain"),
        *("of 10 s and more", "with 500 samples", "fewest samples"),
    )
    return table("Coverage", heads, rows, say)


def rare_requests(report: Report, say: Say) -> str:
    rows = [
        (
            *(row["framework"], row["requests"]),
            *(f"{row['slow_found']} / {row['slow']}", f"{row['failed_found']} / {row['failed']}"),
        )
        for row in rows_of(report, "rare")
    ]
    return table("Rare requests", ("framework", "requests", "slow, found", "failed, found"), rows, say)


def volume(report: Report, say: Say) -> str:
    rows = [
        (row["per_second"], row["bytes_per_second"], row["mb_per_day"], row["profiles"])
        for row in rows_of(report, "volume")
    ]
    return table("Volume", ("requests/s", "bytes/s", "MB a day", "profiles"), rows, say)
