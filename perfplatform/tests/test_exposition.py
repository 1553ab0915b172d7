"""Against a reader of the format that follows its rules to the letter."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfplatform.exposition import Metric, render

LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{((?:{LABEL},?)*)\}})? (\S+)")
PAIR = re.compile(LABEL)
UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def unescape(text: str) -> str:
    return re.sub(r'\\[\\n"]', lambda match: UNESCAPED[match[0]], text)


def read(text: str) -> tuple[dict[str, tuple[str, str]], list[tuple[str, dict[str, str], float]]]:
    """(name -> (type, help), samples); fails where a line is none of the format."""
    families: dict[str, tuple[str, str]] = {}
    helps: dict[str, str] = {}
    samples = []
    assert not text or text.endswith("\n")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            _hash, _help, name, told = line.split(" ", 3)
            assert name not in helps
            helps[name] = unescape(told)
        elif line.startswith("# TYPE "):
            _hash, _type, name, kind = line.split(" ")
            families[name] = (kind, helps[name])
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == list(families)[-1], "samples stand below their own family"
            labels = {name: unescape(value) for name, value in PAIR.findall(match[2] or "")}
            samples.append((match[1], labels, float(match[5])))
    return families, samples


values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.one_of(st.integers(0, 2**60), st.floats())
labels = st.dictionaries(st.sampled_from(["project", "code", "le"]), values, max_size=3)


@given(values, st.lists(st.tuples(labels, numbers), min_size=1, max_size=5))
def test_what_is_written_reads_back(told: str, samples: list[tuple[dict[str, str], float]]) -> None:
    families, found = read(
        render([Metric("a_total", "counter", told, samples), Metric("b", "gauge", "B.", [({}, 1)])])
    )
    assert families == {"a_total": ("counter", told), "b": ("gauge", "B.")}
    assert [row[1] for row in found[:-1]] == [labels for labels, _value in samples]
    for (_name, _labels, value), (_given, expected) in zip(found, samples, strict=False):
        assert value == float(expected) or (math.isnan(value) and math.isnan(expected))


def test_metric_without_samples_is_left_out() -> None:
    assert render([Metric("a", "gauge", "A.", [])]) == ""


def test_whole_page_to_the_letter() -> None:
    metric = Metric(
        "items_total", "counter", "Items\nby \\code.", [({"code": 'a"b\\c\nd'}, 3), ({}, math.inf)]
    )
    assert render([metric]) == (
        "# HELP items_total Items\\nby \\\\code.\n"
        "# TYPE items_total counter\n"
        'items_total{code="a\\"b\\\\c\\nd"} 3\n'
        "items_total +Inf\n"
    )


@pytest.mark.parametrize(
    ("name", "label"), [("a-b", "x"), ("1a", "x"), ("", "x"), ("a", "x-y"), ("a", "__x")]
)
def test_names_that_prometheus_would_not_read_are_refused(name: str, label: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        render([Metric(name, "gauge", "A.", [({label: "1"}, 1)])])
