from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from perfplatform_sdk.config import Config, load, read
from perfplatform_sdk.config_file import read_file

YAML = """
environment: staging
engine: none
counters: off
interval: 0.002
include:
  - GET /orders/*
  - /cart
version: "1.10"
url:
"""


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_yaml_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "perfplatform.yaml").write_text(YAML)
    loaded = read({}, {})
    assert loaded.config == Config(
        environment="staging",
        engine="none",
        counters=False,
        interval=0.002,
        include=("GET /orders/*", "/cart"),
        version="1.10",
    )
    assert loaded.sources["include"] == "perfplatform.yaml"
    assert loaded.wrong == []


@pytest.mark.parametrize("name", ["perfplatform.yaml", "perfplatform.yml", "perfplatform.json", "other.conf"])
def test_json_is_read_from_every_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"environment": "staging"}', encoding="utf-8-sig")
    named = {"PERFPLATFORM_CONFIG": name} if name == "other.conf" else {}
    assert read({}, named).config.environment == "staging"


def test_argument_names_the_file_before_the_variable_and_the_working_folder(tmp_path: Path) -> None:
    for number, name in enumerate(("perfplatform.yaml", "one.yaml", "two.json")):
        (tmp_path / name).write_text(f'{{"keep_first": {number}}}')
    environ = {"PERFPLATFORM_CONFIG": str(tmp_path / "one.yaml")}
    assert read({}, {}).config.keep_first == 0
    assert read({}, environ).config.keep_first == 1
    assert read({"config": tmp_path / "two.json"}, environ).config.keep_first == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", b"engine: [none", "is not YAML"),
        ("a.yaml", b"- engine\n- none\n", "it holds a list"),
        ("a.yaml", b"just text", "it holds a str"),
        ("a.yaml", b"&a [*a]", "it holds a list"),
        ("a.yaml", b"engine: !!python/object/apply:os.system [exit]", "is not YAML"),
        ("a.yaml", b"when: 2001-13-45", "is not YAML"),
        ("a.yaml", b"? [a]\n: b", "is not YAML"),
        ("a.yaml", b"[" * 400, "is not YAML"),
        ("a.json", b"{'engine': 'none'}", "is not JSON"),
        ("a.json", b"[" * 100_000, "is not JSON"),
        ("a.json", b"[]", "it holds a list"),
        ("a.json", b"\xff\xfe\x00", "it can't be read (UnicodeDecodeError)"),
        ("a.json", b" " * 2_000_000, "it is too large"),
        ("missing.yaml", None, "there is no such file"),
        ("\0.yaml", None, "there is no such file"),
    ],
)
def test_file_that_is_no_use_is_named_in_one_line_and_ignored(
    tmp_path: Path, name: str, content: bytes | None, said: str, warnings: Callable[[], list[str]]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert load({"config": name, "environment": "qa"}) == Config(environment="qa")
    (line,) = warnings()
    assert said in line
    assert name.replace("\0", "?") in line
    assert line.isprintable()


@pytest.mark.parametrize("name", [5, [], b"a.yaml", {"a": 1}])
def test_wrong_name_of_a_file(name: Any, warnings: Callable[[], list[str]]) -> None:
    assert load({"config": name}) == Config()
    (line,) = warnings()
    assert "is not the name of a file" in line


def test_unreadable_things_in_the_place_of_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")  # to open it would wait for ever
    (tmp_path / "folder.yaml").mkdir()
    for name in ("pipe.yaml", "folder.yaml", "/dev/zero"):
        assert "no such file" in read_file(name, tmp_path).wrong


def test_empty_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "perfplatform.yaml").write_text("# later\n")
    assert read({}, {}) == (Config(), {}, [])


def test_missing_pyyaml_is_named_and_json_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], list[str]]
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "perfplatform.yaml").write_text("engine: none")
    assert load({}) == Config()
    (line,) = warnings()
    assert "PyYAML is missing (pip install 'perfplatform-sdk[yaml]')" in line
    (tmp_path / "perfplatform.json").write_text('{"engine": "none"}')
    assert read({"config": "perfplatform.json"}, {}).config.engine == "none"


def test_wrong_values_of_a_file_are_named_with_it(tmp_path: Path) -> None:
    (tmp_path / "perfplatform.yaml").write_text(
        'version: 1.10\ncolour: red\n1: 2\n"a\\nb": 3\nkeep_first: 5\n'
    )
    loaded = read({}, {})
    assert loaded.config == Config(keep_first=5)
    assert sorted(loaded.wrong) == [
        "perfplatform.yaml: 1: no such setting",
        "perfplatform.yaml: a?b: no such setting",
        "perfplatform.yaml: colour: no such setting",
        "perfplatform.yaml: version: 1.1 is not a string: put it in quotes",
    ]


def test_yaml_that_refers_to_itself_is_named_briefly(tmp_path: Path) -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{n}: &{n} [*{p},*{p},*{p},*{p},*{p},*{p}]" for p, n in zip("abcdefgh", "bcdefghi")]
    (tmp_path / "perfplatform.yaml").write_text("\n".join([*lines, "interval: *i", "include: &z [*z]"]))
    loaded = read({}, {})
    assert loaded.config == Config()
    assert sum(len(line) for line in loaded.wrong) < 1_000
