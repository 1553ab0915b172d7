"""Verdicts, their reasons and cautions in the words of the page's language."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy, pgettext_lazy

from profiles.amounts import duration, percent_of
from profiles.verdict import Because, Caution, Reason, Verdict, Warned

register = template.Library()

NAMES: Final = {
    Verdict.REGRESSED: pgettext_lazy("verdict", "regressed"),
    Verdict.IMPROVED: pgettext_lazy("verdict", "improved"),
    Verdict.INCONCLUSIVE: pgettext_lazy("verdict", "inconclusive"),
    Verdict.UNCHANGED: pgettext_lazy("verdict", "unchanged"),
}
CHIPS: Final = {
    Verdict.REGRESSED: "chip-bad",
    Verdict.IMPROVED: "chip-good",
    Verdict.INCONCLUSIVE: "chip-warn",
    Verdict.UNCHANGED: "",
}
SENTENCES: Final = {
    Because.LOCATION: gettext_lazy(
        "The median went from %(base)s to %(head)s (%(change)s, between %(lowest)s and %(highest)s); "
        "at most %(q)s of such findings are by chance."
    ),
    Because.TAIL: gettext_lazy(
        "Of all requests %(base_share)s took over %(limit)s, now %(head_share)s do; "
        "p95 went from %(base)s to %(head)s."
    ),
    Because.ERRORS: gettext_lazy("%(base_share)s of requests failed, now %(head_share)s do."),
    Because.TOO_FEW: gettext_lazy(
        "%(base_count)s timed requests before and %(head_count)s after are too few: "
        "it takes %(least)s of each."
    ),
    Because.DEPENDENT: gettext_lazy(
        "The median went from %(base)s to %(head)s (%(change)s), but requests of the same minutes resemble "
        "each other: %(factor)s of them say as much as one."
    ),
    Because.UNCERTAIN: gettext_lazy(
        "The median’s change is somewhere between %(lowest)s and %(highest)s: "
        "about %(needed)s requests of each version would tell."
    ),
    Because.SMALL: gettext_lazy(
        "The median went from %(base)s to %(head)s (%(change)s): "
        "there is a change, and it is too small to matter."
    ),
    Because.NO_CHANGE: gettext_lazy(
        "The median is %(head)s as against %(base)s; its change is between %(lowest)s and %(highest)s."
    ),
}
CAUTIONS: Final = {
    Warned.WEEKDAYS: gettext_lazy(
        "The versions ran on different weekdays: only %(shared)s of requests have a counterpart "
        "on the same one."
    ),
    Warned.HOURS: gettext_lazy(
        "The versions ran at different hours: only %(shared)s of requests have a counterpart at the same one."
    ),
    Warned.DEPENDENCE: gettext_lazy(
        "Requests of the same minutes resemble each other: %(factor)s of them say as much as one."
    ),
    Warned.BIMODAL: gettext_lazy(
        "Requests fall into two groups, around %(lower)s and %(upper)s (%(share)s): "
        "a median says little of them."
    ),
    Warned.MIX: gettext_lazy(
        "Requests go to other endpoints than before: %(moved)s of them. "
        "The totals are weighted by the requests of before."
    ),
    Warned.PYTHON: gettext_lazy("The versions ran on different versions of Python."),
}


@register.filter
def verdict_name(verdict: Verdict) -> str:
    return str(NAMES[verdict])


@register.filter
def verdict_chip(verdict: Verdict) -> str:
    """The class of a chip with the verdict's name in it."""
    return CHIPS[verdict]


@register.filter
def change(ratio: float) -> str:
    """A ratio as what it adds or takes in percent, `+12.3 %`; from ten times on as a factor."""
    percent = 100 * (ratio - 1)
    if ratio >= 10:
        digits = 1 if ratio < 100 else 0
        return f"×{number_format(Decimal(str(round(ratio, digits))), digits, force_grouping=True)}"
    size = number_format(Decimal(str(round(abs(percent), 1))), 1, force_grouping=True)
    sign = "±" if round(percent, 1) == 0 else "+" if percent > 0 else "−"
    return f"{sign}{size} %"


@register.filter
def difference(us: float) -> str:
    """Microseconds more or less: `+1.23 ms`."""
    sign = "±" if round(us) == 0 else "+" if us > 0 else "−"
    return f"{sign}{duration(abs(us))}"


@register.filter
def sentence(said: Reason | Caution) -> str:
    """One sentence with its numbers."""
    text = SENTENCES[said.because] if isinstance(said, Reason) else CAUTIONS[said.warned]
    return str(text) % _words(said.numbers)


def _words(numbers: Mapping[str, float]) -> dict[str, Any]:
    """Each number as a page writes it, by its name without the unit."""
    words: dict[str, Any] = {}
    for name, value in numbers.items():
        if name.endswith("_us"):
            words[name.removesuffix("_us")] = duration(value)
        elif name in ("ratio", "lowest", "highest"):
            words["change" if name == "ratio" else name] = change(value)
        elif name.endswith("share") or name in ("shared", "moved"):
            words[name] = percent_of(value, 1)
        elif name == "q":
            # Small enough to be sure; more digits say no more.
            words[name] = f"{number_format(Decimal('0.01'), 2)} %" if value <= 1e-4 else percent_of(value, 1)
        elif name == "factor":
            words[name] = number_format(Decimal(str(round(value, 1))), 1)
        else:
            words[name] = number_format(value, 0, force_grouping=True)
    return words
