"""The image and the services that run from it, made once for all tests here."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest

from tests.deploy import compose_file, dockerfile
from tests.deploy.browser import Browser
from tests.deploy.places import COMPOSE_FILE, PUBLIC_URL, REPOSITORY, SECRETS
from tests.deploy.stack import Stack


@pytest.fixture(scope="session")
def operator_settings() -> dict[str, str]:
    """What an operator writes into .env."""
    return {"PUBLIC_URL": PUBLIC_URL, **{name: secrets.token_hex(32) for name in SECRETS}}


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> dockerfile.Image:
    """The Dockerfile, followed in an empty directory: packages by hash, static files, the SDK's wheel."""
    return dockerfile.build(REPOSITORY, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def stack(
    operator_settings: dict[str, str], image: dockerfile.Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Every service of docker-compose.yml, healthy."""
    services = compose_file.services(compose_file.load(COMPOSE_FILE, operator_settings))
    running = Stack(services, image, tmp_path_factory.mktemp("stack"))
    try:
        for name in services:
            running.start(name)
        yield running
    finally:
        running.stop_all()


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Browser:
    """Signed in as the first administrator, through a proxy that speaks TLS."""
    made = stack.execute("web", ["./manage.py", "first_admin"])
    assert made.returncode == 0, made.stderr
    username = re.search(r"Administrator: (\S+)", made.stdout)
    password = re.search(r"Password: (\S+)", made.stdout)
    assert username
    assert password
    admin = Browser(PUBLIC_URL, server=stack.address("web"))
    admin.log_in(username[1], password[1])
    return admin
