from __future__ import annotations

import pytest
from django.template import Context, Template
from django.utils import translation

from profiles import amounts
from profiles.templatetags import measures


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0 µs"),
        (1, "1 µs"),
        (999, "999 µs"),
        (1000, "1.00 ms"),
        (1125, "1.13 ms"),
        (9_994, "9.99 ms"),
        (9_995, "10.0 ms"),
        (45_600, "45.6 ms"),
        (99_949, "99.9 ms"),
        (99_950, "100 ms"),
        (999_499, "999 ms"),
        (999_500, "1.00 s"),
        (1_230_000, "1.23 s"),
        (59_949_999, "59.9 s"),
        (59_950_000, "1 min 0 s"),
        (125_000_000, "2 min 5 s"),
        (86_400_000_000, "1440 min 0 s"),
    ],
)
def test_durations_have_three_digits_that_matter(us: int, text: str) -> None:
    assert amounts.duration(us) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0 %"),
        (1, 0, "0 %"),
        (1, 3, "33.3 %"),
        (1, 10_000, "< 0.1 %"),
        (9_996, 10_000, "100 %"),
        (5, 5, "100 %"),
    ],
)
def test_shares(part: int, whole: int, text: str) -> None:
    assert amounts.percent_of(part, whole) == text


@pytest.mark.parametrize(
    ("part", "whole", "width"), [(1, 2, "50.00"), (3, 2, "100.00"), (-1, 2, "0.00"), (1, 0, "0")]
)
def test_widths_stay_within_the_bar(part: int, whole: int, width: str) -> None:
    assert measures.width_of(part, whole) == width


@pytest.mark.parametrize(
    ("size_bytes", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 KB"),
        (1_424, "1.42 KB"),
        (999_499, "999 KB"),
        (999_500, "1.00 MB"),
        (45_600_000, "45.6 MB"),
        (1_230_000_000, "1.23 GB"),
        (10**18, "1000 PB"),
    ],
)
def test_sizes(size_bytes: int, told: str) -> None:
    assert amounts.size(size_bytes) == told


@pytest.mark.parametrize(
    ("per_minute", "text"),
    [
        (0, "0"),
        (0.004, "< 0.01"),
        (0.01, "0.01"),
        (1.234, "1.23"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (45.67, "45.7"),
        (99.96, "100"),
        (12_345.4, "12,345"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_rates(per_minute: float, text: str, language: str) -> None:
    with translation.override(language):
        assert amounts.rate(per_minute) == text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_both_languages_group_by_thousands(language: str) -> None:
    """As browsers do for the charts of the same page."""
    with translation.override(language):
        assert amounts.count(1_234_567) == "1,234,567"
        assert amounts.rate(12_345.6) == "12,346"
        assert amounts.rate(1.234) == "1.23"
        assert amounts.duration(45_600) == "45.6 ms"
        assert amounts.percent_of(1, 3) == "33.3 %"
        assert Template("{{ count|floatformat:'0g' }}").render(Context({"count": 12_345})) == "12,345"
