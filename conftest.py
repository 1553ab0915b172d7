"""Fixtures of every test of the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client, TestCase, TransactionTestCase
from rest_framework.test import APIClient

from perfplatform import mongo
from projects.models import Project, User, Version
from projects.tests import factories

# Rows that migrations made, and that every test may read.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> None:
    """Hashing as slow as production's would be most of the suite's time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """Empties what a test filled. Django's own flush would make all permissions anew after every test."""

    def empty(_case: TransactionTestCase) -> None:
        database = mongo.database()
        for name in database.list_collection_names(
            filter={"name": {"$nin": list(KEPT)}, "type": "collection"}
        ):
            if not name.startswith("system."):
                database[name].delete_many({})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        patch.setattr(TestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(autouse=True)
def forget_versions() -> Iterator[None]:
    """The process remembers versions for a minute; the rows go with every test."""
    yield
    Version.objects.forget()


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
