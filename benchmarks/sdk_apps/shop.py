"""The five views that the cost is measured on. Frameworks bring their own queries and templates."""

from __future__ import annotations

import asyncio
import time

from . import work

TRIVIAL, QUERIES, PAGE, CALLS, WAIT = "/trivial", "/queries", "/page", "/calls", "/wait"
VIEWS = (TRIVIAL, QUERIES, PAGE, CALLS, WAIT)
CALL_DEPTH = 12
WAIT_S = 0.02
# Means the same to Jinja and to Django.
PAGE_TEMPLATE = """<!doctype html><title>{{ title }}</title><table>
{% for row in rows %}<tr><td>{{ row.name|upper }}</td><td>{{ row.price }}</td></tr>
{% endfor %}</table>"""


def trivial() -> dict[str, object]:
    return {"hello": "world"}


def calls() -> dict[str, object]:
    return {"calls": work.count_calls(CALL_DEPTH)}


def wait() -> dict[str, object]:
    time.sleep(WAIT_S)
    return {"waited": WAIT_S}


async def trivial_on_loop() -> dict[str, object]:
    return trivial()


async def calls_on_loop() -> dict[str, object]:
    return calls()


async def wait_on_loop() -> dict[str, object]:
    await asyncio.sleep(WAIT_S)
    return {"waited": WAIT_S}
