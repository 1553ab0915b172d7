"""What the Dockerfile and docker-compose.yml do with other settings and sources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.deploy import compose_file, dockerfile
from tests.deploy.places import COMPOSE_FILE, REPOSITORY, SECRETS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_mirror_takes_the_place_of_debians_servers(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / ".dockerignore").write_text("")
    text = (REPOSITORY / "Dockerfile").read_text()
    # The last stage up to and with the step that sets Debian's servers.
    stage = text[text.rindex("FROM ") : text.rindex("ENV PATH")]
    (repository / "Dockerfile").write_text(stage)
    arguments = {"APT_MIRROR": "http://mirror.example.com:8080/"}
    built = dockerfile.build(repository, tmp_path / "built", arguments=arguments)
    sources = built.place("/etc/apt/sources.list.d/debian.sources").read_text()
    assert sources == dockerfile.SOURCES.replace("http://packages.example", "http://mirror.example.com:8080")


def test_every_image_comes_from_the_mirror_that_registry_names(operator_settings: dict[str, str]) -> None:
    mirrored = operator_settings | {"REGISTRY": "mirror.example.com/library/"}
    document = compose_file.load(COMPOSE_FILE, mirrored)
    for definition in document["services"].values():
        if "build" in definition:
            assert definition["build"]["args"]["REGISTRY"] == "mirror.example.com/library/"
        else:
            assert definition["image"].startswith("mirror.example.com/library/")
    bases = re.findall(r"(?m)^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text())
    assert bases == ["${REGISTRY}python:3.11-slim"] * 2


@pytest.mark.parametrize("name", ["PUBLIC_URL", *SECRETS])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_setting_stops_compose_and_is_named(
    operator_settings: dict[str, str], name: str, value: str | None
) -> None:
    given = {key: text for key, text in operator_settings.items() if key != name}
    if value is not None:
        given[name] = value
    with pytest.raises(compose_file.MissingVariable, match=rf"{name}: Set {name} in \.env"):
        compose_file.load(COMPOSE_FILE, given)


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("manage.py", False),
        ("perfplatform/settings.py", False),
        ("sdk/pyproject.toml", False),
        (".env", True),
        (".data/secrets.json", True),
        (".git/config", True),
        ("perfplatform/tests/test_sdk_index.py", True),
        ("profiles/__pycache__/api.cpython-311.pyc", True),
        ("sdk/dist/perfplatform_sdk-0.0.1-py3-none-any.whl", True),
        ("perfplatform/.env", True),
    ],
)
def test_dockerignore_keeps_secrets_and_leftovers_out(path: str, out: bool) -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert dockerfile.ignored(path, patterns) is out
