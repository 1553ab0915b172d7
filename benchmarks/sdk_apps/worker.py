"""One measured process: an app, what watches it, and a server without sockets. It obeys lines of JSON.

It keeps what it measured to itself until it is asked, so that telling it costs nothing between two blocks.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from array import array
from pathlib import Path
from random import Random
from typing import Any

from . import modes, watching
from .callers import AsgiCaller, Block, Caller, WsgiCaller
from .long import Long, LongCaller
from .modes import MODES
from .popular import Popular
from .rare import Rare
from .routes import App
from .shares import Program


class Worker:
    """What the process does when it is told to."""

    def __init__(self, order: dict[str, Any], folder: Path) -> None:
        self.mode = MODES[order["mode"]]
        self.app = make_app(order)
        self.may_fail = isinstance(self.app, Rare)
        self.done: list[tuple[list[str], array[int], Block]] = []
        modes.begin(self.mode, key=order["key"], url=order["url"])
        application = watching.build(order["framework"], self.mode, self.app, folder)
        self.caller: Caller
        if isinstance(self.app, Long):
            self.caller = LongCaller(application, self.mode.query, self.app)
        elif order["framework"] in watching.ON_LOOP:
            self.caller = AsgiCaller(application, self.mode.query)
        else:
            self.caller = WsgiCaller(application, self.mode.query)

    def run(
        self, *, paths: list[str], weights: list[float] | None, count: int, seed: int, **load: Any
    ) -> None:
        """Serve `count` requests: as many of each path, or by weight, in an order that the seed says."""
        random = Random(seed)
        if weights:
            chosen = array("H", random.choices(range(len(paths)), weights, k=count))
        else:
            chosen = array("H", (number % len(paths) for number in range(count)))
            random.shuffle(chosen)
        block = self.caller.run([paths[number] for number in chosen], load["lanes"], load["per_second"])
        self.done.append((paths, chosen, block))

    def flush(self) -> None:
        modes.flush(self.mode)

    def report(self) -> dict[str, Any]:
        """All blocks since the last time: three figures, and a row for each request."""
        blocks = []
        for paths, chosen, block in self.done:
            served = [
                (paths[chosen[number]], began_at, duration_ns, status)
                for log in block.logs
                for number, began_at, duration_ns, status in log.rows()
            ]
            failed = [one for one in served if one[-1] >= 400]
            if failed and not self.may_fail:
                raise RuntimeError(f"{failed[0]} has failed")
            figures = (block.wall_ns, block.thread_cpu_ns, block.process_cpu_began_ns)
            blocks.append((*figures, served))
        self.done.clear()
        said = self.app.said() if self.app else None
        return {"blocks": blocks, "said": said, "process_cpu_ns": time.process_time_ns()}


def make_app(order: dict[str, Any]) -> App | None:
    """The app by its name; None for the shop, which is another one on each framework."""
    if order["app"] == "shares":
        return Program(order["kind"], order["request_s"])
    if order["app"] == "rare":
        return Rare(order["endpoints"], order["requests"])
    return {"shop": lambda: None, "popular": Popular, "long": Long}[order["app"]]()


def main() -> None:
    # Flask logs requests that fail, as some are meant to.
    logging.getLogger("benchmarks").setLevel(logging.CRITICAL)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(json.loads(sys.argv[1]), Path(folder))
        print("{}", file=answers, flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            answer = getattr(worker, command.pop("do"))(**command)
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
