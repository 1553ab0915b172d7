"""A person with a browser, as far as the pages need one: cookies, and forms with their CSRF token."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter


class Page(HTMLParser):
    """`fields`: values of hidden inputs by name; `texts`: of elements by id; `links`: where anchors lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.links: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values.get("value", "")
        if tag == "a":
            self.links.append(values.get("href", ""))
        if "id" in values:
            self._open.append((tag, values["id"]))
            self.texts[values["id"]] = ""

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for _tag, name in self._open:
            self.texts[name] += data


class TlsProxy(HTTPAdapter):
    """The proxy of docs/deployment.md: speaks https to the browser and http to the web server behind it."""

    def __init__(self, server: str) -> None:
        super().__init__()
        self.server = server

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.url
        asked = urlsplit(request.url)
        inner = request.copy()
        inner.headers.update({"Host": asked.netloc, "X-Forwarded-Proto": asked.scheme})
        inner.url = urlunsplit(("http", self.server, asked.path, asked.query, ""))
        response = super().send(inner, *args, **kwargs)
        response.request, response.url = request, request.url
        return response


class Browser:
    """`public_url` is the platform's; `server`, where its web server listens if a proxy stands between."""

    def __init__(self, public_url: str, *, server: str | None = None) -> None:
        self.public_url = public_url
        self.session = requests.Session()
        # Nothing of the machine's own proxies or logins.
        self.session.trust_env = False
        if server:
            self.session.mount(public_url, TlsProxy(server))

    def get(self, path: str) -> requests.Response:
        """`path` begins with a slash and is below the public address."""
        response = self.session.get(self.public_url + path, timeout=30)
        assert response.status_code == 200, (path, response.status_code, response.text[:2000])
        return response

    def submit(self, path: str, values: Mapping[str, str]) -> requests.Response:
        """Open the page with the form, fill it in, send it; the page that this leads to."""
        page = self.get(path)
        data = {**Page(page.text).fields, **values}
        response = self.session.post(page.url, data=data, headers={"Referer": page.url}, timeout=30)
        assert response.status_code == 200, (path, response.status_code, response.text[:2000])
        return response

    def log_in(self, username: str, password: str) -> None:
        response = self.submit("/login/", {"username": username, "password": password})
        assert "/login/" not in response.url, "the password was refused"

    def create_project(self, name: str) -> str:
        """The new project's slug; the browser then is on its setup page."""
        values = {"name": name, "description": "", "language": "en", "time_zone": "UTC"}
        return self.submit("/projects/new/", values).url.split("/projects/")[1].split("/")[0]

    def create_key(self, slug: str) -> Page:
        """The setup page with a new key in its snippets."""
        return Page(self.submit(f"/projects/{slug}/setup/", {"name": "First app"}).text)
