"""The set of endpoints as a FastAPI app, with the SDK where RECORDED is set."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.testclient import TestClient
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse

log = logging.getLogger("shop")
logging.basicConfig(level=logging.INFO, format="%(name)s %(levelname)s %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)

app = FastAPI()
if os.environ.get("RECORDED"):
    import perfplatform_sdk
    from perfplatform_sdk.integrations.fastapi import PerfPlatform

    perfplatform_sdk.init()
    PerfPlatform(app)


@app.get("/json/{number}")
async def json(number: int) -> dict[str, Any]:
    log.info("asked for %d", number)
    return {"number": number, "items": list(range(50)), "名": "值"}


@app.get("/html")
def html() -> HTMLResponse:
    response = HTMLResponse("<p>&lt;b&gt;</p>" * 20)
    response.set_cookie("a", "b", httponly=True)
    return response


@app.get("/redirect")
def redirect() -> RedirectResponse:
    return RedirectResponse("/html")


@app.get("/slash/")
def slash() -> str:
    return "slash"


@app.get("/empty", status_code=204)
def empty() -> None:
    return None


@app.get("/sorry", status_code=500)
def sorry() -> str:
    return "sorry"


@app.get("/raised")
@app.get("/propagated")
async def raised() -> None:
    raise LookupError("nothing there")


@app.get("/large")
def large() -> Response:
    return Response(bytes(range(256)) * 4000)


@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body())


@app.get("/inner")
def inner() -> str:
    answer = TestClient(app).get("/json/7")
    return f"{answer.status_code} {answer.text}"


@app.get("/background")
async def background(tasks: BackgroundTasks) -> str:
    tasks.add_task(log.warning, "in the background")
    return "later"


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b""
        yield b"one"
        await asyncio.sleep(0.5)
        yield b"two" * 1000

    return StreamingResponse(parts(), media_type="text/plain")


@app.get("/length")
def length() -> StreamingResponse:
    return StreamingResponse((part for part in (b"12", b"345")), headers={"Content-Length": "5"})


@app.get("/breaks")
def breaks() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    return StreamingResponse(parts())


@app.get("/endless")
def endless() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        try:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                await asyncio.sleep(0.002)
                yield b"data: tick\n\n" * 5_000
            log.warning("nobody left")
        finally:
            log.warning("closed")

    return StreamingResponse(parts(), media_type="text/event-stream")


@app.get("/file")
def file() -> FileResponse:
    return FileResponse(os.environ["REPORT"])
