"""Amounts in templates (profiles/amounts.py)."""

from __future__ import annotations

from django import template

from profiles.amounts import duration, percent_of, rate, size

register = template.Library()

register.filter("duration", duration)
register.filter("size", size)
register.filter("rate", rate)
register.filter("percent_of", percent_of)


@register.filter
def width_of(part: float, whole: float) -> str:
    """0 to 100 for an SVG attribute, whatever the locale's decimal sign."""
    return f"{100 * min(max(part / whole, 0), 1):.2f}" if whole > 0 else "0"
