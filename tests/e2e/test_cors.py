"""Another origin's page asks the REST API in a real browser: read if it is on the list, refused if not."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

ASK = """async ([address, token]) => {
  const headers = token ? {Authorization: `Bearer ${token}`} : {};
  try {
    const answer = await fetch(address, {headers, credentials: token ? "omit" : "include"});
    return {status: answer.status, ...(await answer.json())};
  } catch (error) {
    return {refused: String(error)};
  }
}"""


class Blank(http.server.BaseHTTPRequestHandler):
    """Serves an empty page for every address."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>another tool</title><link rel=icon href=data:,>")

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def served_at(port: int) -> Iterator[int]:
    """An empty page on both loopback names at a port, 0 for a free one; gives the port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Blank)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_origin_on_the_list_reads_the_answer(
    page: Page, instance: dict[str, Any], troubles: list[str]
) -> None:
    address = f"{instance['url']}/api/v1/projects/"
    with served_at(3000):
        for origin in ("http://localhost:3000", "http://127.0.0.1:3000"):
            page.goto(f"{origin}/")
            answer = page.evaluate(ASK, [address, instance["token"]])
            assert (answer.get("status"), answer.get("code")) == (200, 0), answer
            assert answer["data"]["items"]
    # The other host is the one that this test serves.
    assert all(trouble.startswith("request to another host") for trouble in troubles)
    troubles.clear()


def test_origin_that_is_not_on_the_list_reads_nothing(
    page: Page, instance: dict[str, Any], troubles: list[str]
) -> None:
    with served_at(0) as port:
        page.goto(f"http://localhost:{port}/")
        for token in (instance["token"], ""):
            answer = page.evaluate(ASK, [f"{instance['url']}/api/v1/projects/", token])
            assert "Failed to fetch" in answer.get("refused", ""), answer
    assert any("blocked by CORS policy" in trouble for trouble in troubles)
    troubles.clear()
