"""Fixtures of every test of the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from rest_framework.test import APIClient

from projects.models import Project, User, Version
from projects.tests import factories


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
