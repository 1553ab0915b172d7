"""The timetable: endpoints of both kinds, a dependency, a background task, events and a websocket."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from starlette.responses import Response, StreamingResponse

FERRIES = {1: "Marietta", 2: "Albatross", 3: "Old Faithful"}
CROSSING_STEPS = 5
TIDE_SECONDS = 0.02  # how long the tide service takes to answer


def connection() -> Iterator[sqlite3.Connection]:
    """A database for one request; FastAPI runs this on a thread of its pool."""
    opened = sqlite3.connect(":memory:", check_same_thread=False)
    opened.execute("CREATE TABLE ferry (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    opened.executemany("INSERT INTO ferry VALUES (?, ?)", FERRIES.items())
    try:
        yield opened
    finally:
        opened.close()


Connection = Depends(connection)


async def fetch_tide() -> int:
    """Ask the tide service, played by a pause; the height is in centimetres."""
    await asyncio.sleep(TIDE_SECONDS)
    return round(100 * (1 + time.time() % 1))


def print_ticket(ferry: int, passengers: int) -> None:
    """Runs after the response, on another thread."""
    time.sleep(0.05 * passengers)


def create_app() -> FastAPI:
    """Build the app; with PERFPLATFORM_KEY in the environment it is recorded."""
    app = FastAPI(title="Ferries")
    add_timetable(app)
    add_live(app)
    if os.environ.get("PERFPLATFORM_KEY"):
        watch(app)
    return app


def watch(app: FastAPI) -> None:
    """Send what is recorded to the platform that PERFPLATFORM_URL and PERFPLATFORM_KEY name."""
    import perfplatform_sdk
    from perfplatform_sdk.integrations.fastapi import PerfPlatform

    perfplatform_sdk.init(version="1.0")
    PerfPlatform(app)


def add_timetable(app: FastAPI) -> None:
    @app.get("/ferries")
    def list_ferries(database: sqlite3.Connection = Connection) -> list[dict[str, Any]]:
        rows = database.execute("SELECT number, name FROM ferry ORDER BY number")
        return [{"number": number, "name": name} for number, name in rows]

    @app.get("/ferries/{ferry}")
    def show_ferry(ferry: int, database: sqlite3.Connection = Connection) -> dict[str, Any]:
        row = database.execute("SELECT name FROM ferry WHERE number = ?", (ferry,)).fetchone()
        if row is None:
            raise HTTPException(404, "no such ferry")
        return {"number": ferry, "name": row[0]}

    @app.get("/tide")
    async def show_tide() -> dict[str, int]:
        # Planted fault: one after the other, where asyncio.gather would do.
        return {harbour: await fetch_tide() for harbour in ("north", "south", "island")}

    @app.post("/ferries/{ferry}/tickets", status_code=201)
    async def buy(ferry: int, tasks: BackgroundTasks, passengers: int = 1) -> dict[str, int]:
        tasks.add_task(print_ticket, ferry, passengers)
        # Planted bug: nobody on board means a ZeroDivisionError.
        return {"ferry": ferry, "cents_each": 1200 * passengers // passengers}


def add_live(app: FastAPI) -> None:
    @app.get("/ferries/{ferry}/crossing")
    async def follow(ferry: int) -> Response:
        async def positions() -> AsyncIterator[str]:
            for step in range(CROSSING_STEPS + 1):
                yield f"data: {json.dumps({'ferry': ferry, 'part': step / CROSSING_STEPS})}\n\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(positions(), media_type="text/event-stream")

    @app.websocket("/ferries/{ferry}/bridge")
    async def talk(websocket: WebSocket, ferry: int) -> None:
        await websocket.accept()
        try:
            while True:
                words = await websocket.receive_text()
                await websocket.send_text(f"{FERRIES.get(ferry, 'Nobody')} hears: {words}")
        except WebSocketDisconnect:
            return
