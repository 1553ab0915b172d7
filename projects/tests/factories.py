"""Makes the things that tests are about."""

from __future__ import annotations

import itertools
from typing import Any

from rest_framework.test import APIClient

from projects.models import Key, Member, Project, Token, User

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def user(name: str = "", **fields: Any) -> User:
    return User.objects.create_user(username=name or f"user-{next(_numbers)}", password=PASSWORD, **fields)


def project(name: str = "", *, owner: User | None = None, **fields: Any) -> Project:
    return Project.objects.start(name or f"Project {next(_numbers)}", owner=owner or user(), **fields)


def member(project: Project, role: str) -> User:
    found = user(f"{role}-{next(_numbers)}")
    Member.objects.create(project=project, user=found, role=role)
    return found


def project_key(project: Project) -> str:
    return Key.issue(project, kind=Key.Kind.INGEST, name="test")[1]


def deploy_token(project: Project) -> str:
    return Key.issue(project, kind=Key.Kind.DEPLOY, name="test")[1]


def personal_token(user: User) -> str:
    return Token.issue(user, name="test")[1]


def bearer(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def api_client(user: User) -> APIClient:
    return bearer(personal_token(user))
