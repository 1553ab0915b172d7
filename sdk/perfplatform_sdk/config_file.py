"""The settings file: YAML or JSON, named by `PERFPLATFORM_CONFIG` or called `perfplatform.yaml`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from .value import shown

NAMES = ("perfplatform.yaml", "perfplatform.yml", "perfplatform.json")
_LARGEST_BYTES = 1024 * 1024


class ConfigFile(NamedTuple):
    """What a file says, or what is wrong with it. All empty where there is none."""

    name: str = ""
    values: Mapping[str, Any] = MappingProxyType({})
    wrong: str = ""


def read_file(named: object, folder: Path) -> ConfigFile:
    """The file of this name, else the one that lies in `folder`. Raises nothing."""
    if named is not None and not isinstance(named, (str, Path)):
        return ConfigFile(wrong=f"config: {shown(named)} is not the name of a file")
    path = Path(named) if named else None
    try:
        found = path or next((folder / name for name in NAMES if (folder / name).is_file()), None)
        if found is None:
            return ConfigFile()
        return _read(folder / found)
    except (OSError, ValueError) as error:
        return ConfigFile(wrong=f"{path or folder}: it can't be read ({type(error).__name__})")


def _read(path: Path) -> ConfigFile:
    if not path.is_file():
        return ConfigFile(wrong=f"{path}: there is no such file")
    if path.stat().st_size > _LARGEST_BYTES:
        return ConfigFile(wrong=f"{path}: it is too large for a file of settings")
    text = path.read_text(encoding="utf-8-sig")
    try:
        values = json.loads(text) if path.suffix == ".json" else _parse_yaml(text)
    except ModuleNotFoundError:
        return ConfigFile(wrong=f"{path}: PyYAML is missing (pip install 'perfplatform-sdk[yaml]')")
    except Exception as error:  # noqa: BLE001 - PyYAML raises whatever its constructors do
        kind = "JSON" if path.suffix == ".json" else "YAML"
        return ConfigFile(wrong=f"{path}: it is not {kind} ({' '.join(str(error).split())[:200]})")
    if values is None:
        return ConfigFile(name=path.name)
    if not isinstance(values, dict):
        return ConfigFile(wrong=f"{path}: it holds a {type(values).__name__}, not names with their values")
    return ConfigFile(path.name, {str(name): value for name, value in values.items()})


def _parse_yaml(text: str) -> object:
    import yaml

    return yaml.safe_load(text)
