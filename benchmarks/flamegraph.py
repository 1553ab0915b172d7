"""How quickly the flame graph draws, zooms and searches, in headless Chromium, beside d3-flame-graph.

Both show the same trees of 12,000 and 50,000 frames, libraries included, at 1,200 pixels. A time runs from
the beginning of a frame of the browser, when the work is started, until the browser has drawn that frame:
scripts, style, layout and paint; of the first one, reading the data too. Each figure is the median, and
`worst` the largest. d3-flame-graph comes from npm, as benchmarks/flamegraph_peer/package-lock.json pins it,
into a folder that is gone afterwards.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.support import flames
from benchmarks.support.report import Report, say

ROOT = Path(__file__).resolve().parents[1]
PEER = Path(__file__).with_name("flamegraph_peer")
OURS, THEIRS = "ours", "d3-flame-graph"
CHROMIUM = "/usr/bin/chromium"
SIZES = (12_000, 50_000)
LIMITS_MS = {"first paint": 60, "zoom": 10, "search": 10}
ROUNDS = {OURS: 9, THEIRS: 2}
QUICK_ROUNDS = {OURS: 3, THEIRS: 1}
INSTALL_TIMEOUT_S = 120


def main() -> None:
    options = read_arguments()
    report = Report("flamegraph")
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools = (OURS, THEIRS) if install_peer(folder) else (OURS,)
        write_pages(folder)
        with served(folder) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            for frames in SIZES:
                for tool in tools:
                    say(f"{tool}, {frames:,} frames")
                    times = [measure(browser, address, tool, frames) for _ in range(rounds[tool])]
                    note(report, tool, frames, times)
            versions = {"chromium": browser.version} | ({THEIRS: peer_version()} if len(tools) > 1 else {})
            browser.close()
    report.write(options.json, versions=versions)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench flamegraph", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; ends within a minute")
    return parser.parse_args()


def install_peer(folder: Path) -> bool:
    """Put d3-flame-graph below `folder`; False, and a sentence, where that does not work."""
    for file in PEER.glob("package*.json"):
        shutil.copy(file, folder)
    try:
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=INSTALL_TIMEOUT_S,
        )
    except FileNotFoundError:
        say("npm is missing, so d3-flame-graph is not measured: only ours is.")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        say("npm could not install d3-flame-graph, so it is not measured: only ours is.")
    else:
        return True
    return False


def peer_version() -> str:
    pinned = json.loads((PEER / "package.json").read_text())["dependencies"]
    version: str = pinned[THEIRS]
    return version


def write_pages(folder: Path) -> None:
    """The include of the profile page as it is served, and a place for the other one."""
    (folder / "static").symlink_to(ROOT / "static")
    head = "".join(
        f'<link rel="stylesheet" href="/static/{name}">'
        for name in ("vendor/tabler/tabler.min.css", "app.css", "calltree.css", "flamegraph.css")
    )
    for frames in SIZES:
        tree = flames.columns(frames)
        data = f'<script type="application/json" id="calltree-data">{json.dumps(tree)}</script>'
        start = f'<!DOCTYPE html><html lang="en" data-bs-theme="light"><head>{head}</head><body>{data}'
        (folder / f"{OURS}-{frames}.html").write_text(start + include())
        theirs = json.dumps(flames.nested(tree))
        place = f'<script type="application/json" id="nested">{theirs}</script><div id="chart"></div>'
        (folder / f"{THEIRS}-{frames}.html").write_text(start + place + import_map(folder))
    shutil.copy(PEER / "measure.js", folder)


def import_map(folder: Path) -> str:
    """What the peer's modules call each other by, and where each lies."""
    modules = {}
    for file in (folder / "node_modules").glob("*/package.json"):
        package = json.loads(file.read_text())
        modules[package["name"]] = f"/node_modules/{package['name']}/{package['module'].removeprefix('./')}"
    # Its module imports a style sheet, as bundlers allow and browsers don't.
    modules[f"/node_modules/{THEIRS}/dist/d3-flamegraph.css"] = "data:text/javascript,"
    sheet = f'<link rel="stylesheet" href="/node_modules/{THEIRS}/dist/d3-flamegraph.css">'
    return f'{sheet}<script type="importmap">{json.dumps({"imports": modules})}</script>'


def include() -> str:
    """templates/profiles/_flamegraph.html, which does not start by itself."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfplatform.settings")
    django.setup()
    from django.template.loader import render_to_string

    return render_to_string("profiles/_flamegraph.html").replace(" data-flamegraph ", " ")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The files of a folder at an address of this machine."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 its name in the base class
        return


def measure(browser: Browser, address: str, tool: str, frames: int) -> dict[str, list[float]]:
    """Milliseconds of everything that a fresh page was asked for."""
    page = browser.new_page(viewport={"width": 1226, "height": 900})
    try:
        page.goto(f"{address}/{tool}-{frames}.html?libraries=shown")
        found: dict[str, list[float]] = page.evaluate(
            "async (tool) => (await import('/measure.js')).measure(tool)", tool
        )
    finally:
        page.close()
    return found


def note(report: Report, tool: str, frames: int, times: list[dict[str, list[float]]]) -> None:
    for what, limit in LIMITS_MS.items():
        all_ms = [ms for time in times for ms in time[what]]
        row = {"tool": tool, "frames": frames, "what": what, "median_ms": round(median(all_ms), 1)}
        report.rows.append({**row, "worst_ms": round(max(all_ms), 1), "times": len(all_ms)})
        if tool == OURS:
            report.at_most(f"{what}, {frames:,} frames", median(all_ms), limit=limit, unit="ms")


if __name__ == "__main__":
    main()
