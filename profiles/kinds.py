"""Requests, tasks and functions, side by side as tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Self, TypeVar

from django.utils.translation import gettext_lazy as _

from profiles.trends import EndpointRow, EndpointTotals

Row = TypeVar("Row", EndpointRow, EndpointTotals)

NAMES: Final = {"request": _("Requests"), "task": _("Tasks"), "call": _("Functions")}
# What stands before an endpoint that has no method.
SINGULAR: Final = {"task": _("task"), "call": _("call")}


@dataclass(frozen=True)
class KindTab:
    """A kind of endpoint and how many there are of it."""

    kind: str
    name: Any
    count: int
    is_current: bool


@dataclass(frozen=True)
class KindTabs(Generic[Row]):
    """One tab a kind; the first that has something is current, unless another one is asked for."""

    current: str
    rows: Sequence[Row]

    @classmethod
    def of(cls, rows: Sequence[Row], *, asked: str) -> Self:
        if asked in NAMES:
            return cls(asked, rows)
        there = {row.endpoint.kind for row in rows}
        return cls(next((kind for kind in NAMES if kind in there), next(iter(NAMES))), rows)

    @property
    def current_name(self) -> Any:
        return NAMES[self.current]

    @property
    def rows_of_current(self) -> list[Row]:
        return [row for row in self.rows if row.endpoint.kind == self.current]

    @property
    def tabs(self) -> list[KindTab]:
        kinds = [row.endpoint.kind for row in self.rows]
        return [KindTab(kind, name, kinds.count(kind), kind == self.current) for kind, name in NAMES.items()]
