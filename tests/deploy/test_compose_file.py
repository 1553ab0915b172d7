"""The tests' own reader of docker-compose.yml does what Docker Compose documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy import compose_file

VARIABLES = {"SET": "value", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("$SET and ${SET}", "value and value"),
        ("${UNSET}|${EMPTY}", "|"),
        ("${UNSET:-other}|${EMPTY:-other}|${SET:-other}", "other|other|value"),
        ("${UNSET-other}|${EMPTY-other}|${SET-other}", "other||value"),
        ("${UNSET:+there}|${EMPTY:+there}|${SET:+there}", "||there"),
        ("${UNSET+there}|${EMPTY+there}|${SET+there}", "|there|there"),
        ("${EMPTY?must be set}", ""),
        ("$$SET $$(hostname)", "$SET $(hostname)"),
        ("${UNSET:-http://host:80/a?b}", "http://host:80/a?b"),
    ],
)
def test_variables_are_replaced(text: str, result: str) -> None:
    assert compose_file.interpolate(text, VARIABLES) == result


@pytest.mark.parametrize("text", ["${UNSET?say why}", "${UNSET:?say why}", "${EMPTY:?say why}"])
def test_required_variable_is_missed_with_its_message(text: str) -> None:
    with pytest.raises(compose_file.MissingVariable, match="say why"):
        compose_file.interpolate(text, VARIABLES)


@pytest.mark.parametrize("text", ["${", "a $ b", "${SET"])
def test_broken_variable_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no valid variable"):
        compose_file.interpolate(text, VARIABLES)


def test_service_is_read_with_anchors_commands_and_durations(tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(
        """
x-common: &common
  environment: &environment {LEVEL: "${LEVEL:-info}"}
services:
  one:
    <<: *common
    command: program --name "two words"
    healthcheck:
      test: [CMD-SHELL, "probe | grep ok"]
      timeout: 5s
      start_period: 1m30s
      start_interval: 500ms
  two:
    command: [sh, -c, "echo $$HOME"]
    environment: {<<: *environment, NUMBER: 3}
    depends_on: {one: {condition: service_healthy}}
    healthcheck: {disable: true}
"""
    )
    services = compose_file.services(compose_file.load(file, {}))
    assert services["one"].command == ["program", "--name", "two words"]
    assert services["one"].environment == {"LEVEL": "info"}
    assert services["one"].health_check == compose_file.HealthCheck(
        command=["sh", "-c", "probe | grep ok"], timeout_s=5, start_period_s=90, start_interval_s=0.5
    )
    assert services["two"].command == ["sh", "-c", "echo $HOME"]
    assert services["two"].environment == {"LEVEL": "info", "NUMBER": "3"}
    assert services["two"].depends_on == {"one": "healthy"}
    assert services["two"].health_check is None
