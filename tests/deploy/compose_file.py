"""docker-compose.yml, read as Docker Compose reads it: variables, anchors, commands, health checks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# $$, $NAME, ${NAME} and ${NAME<operator>text}, as in the Compose specification, "Interpolation".
VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>\w+)"
    r"|\{(?P<name>\w+)(?:(?P<operator>:?[-?+])(?P<text>[^${}]*))?\}|(?P<wrong>))"
)
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class MissingVariable(Exception):
    """A `${NAME:?message}` whose variable is not set; the message is the file's."""


@dataclass(frozen=True)
class HealthCheck:
    """`command` is a list of arguments; exit status 0 means healthy."""

    command: list[str]
    timeout_s: float
    start_period_s: float
    start_interval_s: float


@dataclass(frozen=True)
class Service:
    name: str
    command: list[str]
    environment: dict[str, str]
    health_check: HealthCheck | None
    # Name of another service -> started | healthy | completed_successfully.
    depends_on: dict[str, str]
    definition: dict[str, Any]


def load(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file with its variables replaced. Raises MissingVariable."""
    document = _interpolated(yaml.safe_load(path.read_text()), variables)
    assert isinstance(document, dict)
    return document


def services(document: Mapping[str, Any]) -> dict[str, Service]:
    return {name: _service(name, definition) for name, definition in document["services"].items()}


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """`text` with its variables replaced and `$$` as the one dollar sign that it stands for."""

    def replace(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        name = match["plain"] or match["name"]
        if name is None:
            raise ValueError(f"no valid variable: {text[match.start() : match.start() + 20]!r}")
        operator, alternative = match["operator"] or "", match["text"] or ""
        value = variables.get(name)
        present = value is not None and (bool(value) or not operator.startswith(":"))
        if operator.endswith("?") and not present:
            raise MissingVariable(f"{name}: {alternative}")
        if operator.endswith("+"):
            return alternative if present else ""
        return (value or "") if present or not operator else alternative

    return VARIABLE.sub(replace, text)


def _interpolated(node: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolated(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value, variables) for value in node]
    return interpolate(node, variables) if isinstance(node, str) else node


def _service(name: str, definition: dict[str, Any]) -> Service:
    command = definition["command"]
    return Service(
        name=name,
        command=shlex.split(command) if isinstance(command, str) else command,
        environment={key: str(value) for key, value in definition.get("environment", {}).items()},
        health_check=_health_check(definition.get("healthcheck", {})),
        depends_on={
            other: rule["condition"].removeprefix("service_")
            for other, rule in definition.get("depends_on", {}).items()
        },
        definition=definition,
    )


def _health_check(definition: dict[str, Any]) -> HealthCheck | None:
    if definition.get("disable"):
        return None
    kind, *rest = definition["test"]
    assert kind in ("CMD", "CMD-SHELL")
    return HealthCheck(
        command=rest if kind == "CMD" else ["sh", "-c", *rest],
        timeout_s=_seconds(definition["timeout"]),
        start_period_s=_seconds(definition["start_period"]),
        start_interval_s=_seconds(definition["start_interval"]),
    )


def _seconds(duration: str) -> float:
    """`1m30s` -> 90.0"""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration)
    assert "".join(number + unit for number, unit in parts) == duration
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)
