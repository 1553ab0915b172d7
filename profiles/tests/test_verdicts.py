"""Verdicts in words: every reason and every caution is one whole sentence."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.utils import translation

from profiles.templatetags import verdicts
from profiles.verdict import Because, Caution, Reason, Verdict, Warned

MEDIANS = {"base_us": 312_000.0, "head_us": 616_000.0, "ratio": 1.974, "lowest": 1.716, "highest": 2.316}
NUMBERS: dict[Because, Mapping[str, float]] = {
    Because.LOCATION: {**MEDIANS, "cliffs_d": 0.5, "q": 0.0042},
    Because.TAIL: {
        "limit_us": 956_000.0,
        "base_share": 0.048,
        "head_share": 0.272,
        "base_us": 956_000.0,
        "head_us": 2_170_000.0,
        "q": 1e-9,
    },
    Because.ERRORS: {"base_share": 0.001, "head_share": 0.03, "q": 1e-9},
    Because.TOO_FEW: {"least": 20, "base_count": 12, "head_count": 1_500},
    Because.DEPENDENT: {
        **MEDIANS,
        "cliffs_d": 0.5,
        "q": 0.2,
        "factor": 12.34,
        "base_count": 200,
        "head_count": 200,
    },
    Because.UNCERTAIN: {**MEDIANS, "cliffs_d": 0.1, "needed": 1_142},
    Because.SMALL: {**MEDIANS, "cliffs_d": 0.1, "q": 1e-9},
    Because.NO_CHANGE: {**MEDIANS, "cliffs_d": 0.01},
}
CAUTIONS: dict[Warned, Mapping[str, float]] = {
    Warned.WEEKDAYS: {"shared": 0.0},
    Warned.HOURS: {"shared": 0.15},
    Warned.DEPENDENCE: {"factor": 3.0},
    Warned.BIMODAL: {"lower_us": 5_000.0, "upper_us": 60_000.0, "share": 0.4},
    Warned.MIX: {"moved": 0.44},
    Warned.PYTHON: {},
}


@pytest.mark.parametrize("because", Because)
def test_every_reason_is_a_sentence_with_its_numbers(because: Because) -> None:
    text = verdicts.sentence(Reason(because, NUMBERS[because]))
    assert text.endswith(".")
    assert "%(" not in text
    assert any(character.isdigit() for character in text)


@pytest.mark.parametrize("warned", Warned)
def test_every_caution_is_a_sentence(warned: Warned) -> None:
    text = verdicts.sentence(Caution(warned, CAUTIONS[warned]))
    assert text.endswith(".")
    assert "%(" not in text


def test_a_sentence_writes_numbers_as_pages_do() -> None:
    text = verdicts.sentence(Reason(Because.LOCATION, NUMBERS[Because.LOCATION]))
    for word in ("312 ms", "616 ms", "+97.4 %", "+71.6 %", "+131.6 %", "0.4 %"):
        assert word in text
    assert "0.01 %" in verdicts.sentence(Reason(Because.LOCATION, {**NUMBERS[Because.LOCATION], "q": 1e-9}))
    assert "1,500" in verdicts.sentence(Reason(Because.TOO_FEW, NUMBERS[Because.TOO_FEW]))


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "±0.0 %"),
        (1.123, "+12.3 %"),
        (0.7, "\N{MINUS SIGN}30.0 %"),
        (9.99, "+899.0 %"),
        (12.34, "\N{MULTIPLICATION SIGN}12.3"),
        (1_234.5, "\N{MULTIPLICATION SIGN}1,234"),
    ],
)
def test_changes_have_a_sign_or_are_factors(ratio: float, text: str) -> None:
    with translation.override("en"):
        assert verdicts.change(ratio) == text


def test_differences_have_a_sign() -> None:
    assert verdicts.difference(1_230) == "+1.23 ms"
    assert verdicts.difference(-45_000) == "\N{MINUS SIGN}45.0 ms"
    assert verdicts.difference(0.2) == "±0 µs"


def test_every_verdict_has_a_name_and_only_bad_news_is_red() -> None:
    assert len({verdicts.verdict_name(verdict) for verdict in Verdict}) == len(Verdict)
    assert [verdict for verdict in Verdict if verdicts.verdict_chip(verdict) == "chip-bad"] == [
        Verdict.REGRESSED
    ]
