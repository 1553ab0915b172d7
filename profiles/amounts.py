"""Durations, sizes, rates and shares as every page writes them; static/measures.js writes the same."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format


def duration(us: float) -> str:
    """Microseconds with three digits that matter: `780 µs`, `45.6 ms`, `1.23 s`, `2 min 5 s`."""
    whole = int(_round(Decimal(str(us)), 0))
    if whole < 1000:
        return f"{whole} µs"
    if whole < 999_500:
        return f"{_three_digits(Decimal(whole) / 1000)} ms"
    if whole < 59_950_000:
        return f"{_three_digits(Decimal(whole) / 1_000_000)} s"
    minutes, seconds = divmod(int(_round(Decimal(whole) / 1_000_000, 0)), 60)
    return f"{minutes} min {seconds} s"


def size(size_bytes: int) -> str:
    """Bytes with three digits that matter: `780 B`, `1.42 KB`, `45.6 MB`, `1.23 GB`; 1 KB is 1000 B."""
    value, units = Decimal(size_bytes), ["KB", "MB", "GB", "TB", "PB"]
    if value < 1000:
        return f"{value} B"
    unit = ""
    while units and value >= Decimal("999.5"):
        value, unit = value / 1000, units.pop(0)
    return f"{_three_digits(value)} {unit}"


def rate(value: float) -> str:
    """How often in a minute: `12,345`, `45.6`, `1.23`, `< 0.01`."""
    if 0 < value < 0.01:
        return f"< {number_format(Decimal('0.01'), 2)}"
    exact = Decimal(str(value))
    digits = 0 if exact >= Decimal("99.95") or not value else 1 if exact >= Decimal("9.995") else 2
    return number_format(_round(exact, digits), digits, force_grouping=True)


def percent_of(part: float, whole: float) -> str:
    """`45.6 %`; what is too small to show is `< 0.1 %`."""
    if whole <= 0 or part <= 0:
        return "0 %"
    share = 100 * part / whole
    if share < 0.1:
        return f"< {number_format(Decimal('0.1'), 1)} %"
    return "100 %" if share >= 99.95 else f"{number_format(_round(Decimal(str(share)), 1), 1)} %"


def count(number: int) -> str:
    """`12,345`."""
    return number_format(number, force_grouping=True)


def _three_digits(value: Decimal) -> str:
    digits = 2 if value < Decimal("9.995") else 1 if value < Decimal("99.95") else 0
    return number_format(_round(value, digits), digits)


def _round(value: Decimal, digits: int) -> Decimal:
    """Halves go up, as in JavaScript."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
