"""Fixtures of every test of the server."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.test import Client, TestCase, TransactionTestCase
from pymongo import monitoring
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from perfplatform import mongo
from profiles.models import Instance, Intake
from projects.models import Project, User, Version
from projects.tests import factories

# Rows that migrations made, and that every test may read.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


class Filled(monitoring.CommandListener):
    """Which collections this process has put documents into."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def take(self, database: str) -> set[str]:
        return self._names.pop(database, set())

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        # Every command that can make a document, an upsert included.
        if event.command_name in ("insert", "update", "findAndModify"):
            self._names.setdefault(event.database_name, set()).add(event.command[event.command_name])

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


# The same few examples each time; `./dev test --all` tries many others. How long one takes says nothing on a
# busy machine.
hypothesis.settings.register_profile("quick", max_examples=25, derandomize=True, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=500, deadline=None)
hypothesis.settings.load_profile("quick")

FILLED = Filled()
monitoring.register(FILLED)  # before the first client is made


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """Hashing as slow as production's would be most of the suite's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """Empties what a test filled. Django's own flush would make all permissions anew after every test."""

    def empty(_case: TransactionTestCase) -> None:
        database = mongo.database()
        for name in FILLED.take(database.name) - KEPT:
            database[name].delete_many({})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        patch.setattr(TestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(autouse=True)
def forget_rows() -> Iterator[None]:
    """The process remembers some rows for a minute; they go with every test."""
    yield
    for model in (Version, Intake, Instance):
        model.objects.forget()


@pytest.fixture(autouse=True)
def own_limits(settings: Settings) -> None:
    """What one test has asked for counts in no other, also of other workers."""
    settings.THROTTLE_PREFIX = f"test-{uuid.uuid4().hex}"


@pytest.fixture
def owner(db: None) -> User:
    return factories.user("owner")


@pytest.fixture
def project(owner: User) -> Project:
    return factories.project("Shop", owner=owner)


@pytest.fixture
def owner_client(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def api(owner: User) -> APIClient:
    """Speaks to the REST API with a personal token of the project's owner."""
    return factories.api_client(owner)


def pytest_collection_finish() -> None:
    """What was imported stays; looking through it for garbage time and again is dear."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
