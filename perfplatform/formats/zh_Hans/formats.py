"""Numbers in Chinese pages: 59,265, as charts and spreadsheets write them. Django's own has no separator."""

from __future__ import annotations

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
