"""A project of a test's own in the running product, made and filled over the REST API."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from profiles.tests.recorded import batch, library, own, profile
from tests.e2e import history

FLASK = library("wsgi_app", "flask/app.py:1536", owner="Flask")
DISPATCH = library("dispatch_request", "flask/app.py:901", owner="Flask")
VIEW = own("list_products", "shop/views.py:31")
PRICE = own("price_of", "shop/pricing.py:18")
EXECUTE = library("execute", "sqlite3/dbapi2.py:88", owner="Connection")
AS_DICT = own("as_dict", "shop/models.py:77", owner="Product")
DUMPS = library("dumps", "json/__init__.py:183")

# 200 ms: 120 in the database below price_of, 30 in json, 40 in the view, 10 in Flask.
PRODUCTS = [
    ((FLASK, DISPATCH, VIEW, PRICE, EXECUTE), 0.12),
    ((FLASK, DISPATCH, VIEW, AS_DICT, DUMPS), 0.03),
    ((FLASK, DISPATCH, VIEW), 0.04),
    ((FLASK,), 0.01),
]


DOCUMENTS_IN_A_BATCH = 60


@dataclass(frozen=True)
class MadeProject:
    """`url` is the platform's; `key` sends to this project, `token` is its owner's."""

    url: str
    slug: str
    key: str
    project_id: str = ""
    token: str = ""

    @property
    def page(self) -> str:
        return f"{self.url}/projects/{self.slug}/"

    @property
    def profiles_page(self) -> str:
        return f"{self.page}profiles/"

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    def send(self, *profiles: dict[str, Any], **told: str) -> list[str]:
        """Sends profiles as an SDK does; the addresses of their pages."""
        answer = _post(f"{self.url}/api/v1/ingest/", self.key, batch(profiles, **told))
        assert answer["rejected"] == []
        return [f"{self.url}/profiles/{sent['id']}/" for sent in profiles]

    def send_minute(self, **dropped: int) -> None:
        """Sends what a process says of the present minute: no requests, what it dropped, what it cost."""
        minute = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00Z")
        statistics = {"events": 0, "posts": 4, "sampling_us": 61_000, "sending_us": 12_000}
        said = {"strings": [], "frames": [], "endpoints": [], "dropped": dropped, "statistics": statistics}
        sent = {**batch([]), "ledger": [{"minute": minute, "seq": 1, **said}]}
        assert _post(f"{self.url}/api/v1/ingest/", self.key, sent)["accepted"] == 1

    def send_products(self) -> str:
        """A profile with a tree that tests know; the address of its page."""
        return self.send(profile(PRODUCTS))[0]

    def send_hours(self, hours: float, *, until: datetime, slower: str = "", **told: str) -> None:
        """Sends what a process of the shop says of the hours before `until`, minute by minute."""
        documents = list(history.minutes(until, hours, slower=slower, seed=str(told)))
        for at in range(0, len(documents), DOCUMENTS_IN_A_BATCH):
            ledger = documents[at : at + DOCUMENTS_IN_A_BATCH]
            answer = _post(f"{self.url}/api/v1/ingest/", self.key, {**batch([], **told), "ledger": ledger})
            assert answer["accepted"] == len(ledger), answer

    def deploy(self, version: str, *, at: datetime, environment: str = "production") -> None:
        """Announces that a version was deployed then."""
        said = {"version": version, "environment": environment, "at": at.isoformat()}
        _post(f"{self.url}/api/v1/projects/{self.project_id}/deploys/", self.token, said)

    def delete(self) -> str:
        """Deletes the project; returns the id of the deletion."""
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.url}/api/v1/projects/{self.project_id}/"
        requests.delete(address, headers=headers, timeout=30).raise_for_status()
        return self.project_id


def make_project(instance: dict[str, Any], name: str = "Made") -> MadeProject:
    url, token = instance["url"], instance["token"]
    unique = f"{name} {secrets.token_hex(4)}"
    project = _post(f"{url}/api/v1/projects/", token, {"name": unique})
    keys = f"{url}/api/v1/projects/{project['id']}/keys/"
    key = _post(keys, token, {"kind": "ingest", "name": "test"})
    return MadeProject(url, project["slug"], key["secret"], project["id"], token)


def make_shop(instance: dict[str, Any], name: str = "Shop", *, hours: float = 5) -> MadeProject:
    """A project with hours of traffic: 1.4.0, then 1.5.0 with a slower checkout, and some in staging."""
    project = make_project(instance, name)
    now, half = datetime.now(UTC), timedelta(hours=hours / 2)
    project.deploy("1.4.0", at=now - 2 * half)
    project.deploy("1.5.0", at=now - half)
    project.send_hours(hours / 2, until=now - half, version="1.4.0")
    project.send_hours(hours / 2, until=now, version="1.5.0", slower="/checkout")
    project.send_hours(hours / 8, until=now, version="1.5.0", environment="staging")
    return project


def _post(address: str, secret: str, sent: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {secret}"}
    answer = requests.post(address, json=sent, headers=headers, timeout=30)
    assert answer.ok, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data
