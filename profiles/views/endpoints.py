"""All endpoints of a project: requests, tasks and functions, with what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from profiles import csv_table, endpoint_table, sparkline
from profiles.endpoint_table import Column
from profiles.grain import MINUTE, starts
from profiles.kinds import KindTabs
from profiles.models import Rollup
from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from profiles.sparkline import Sparkline
from profiles.trends import MOST_STRETCHES, EndpointRow, EndpointTable, Measured
from profiles.views.scoped import render_scoped
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest

ROWS_ON_A_PAGE: Final = 100
ASCENDING: Final = "up"
HEADER: Final = (
    "kind",
    "method",
    "endpoint",
    "count",
    "per_minute",
    "errors",
    "error_rate",
    "timed",
    "p50_us",
    "p95_us",
    "p99_us",
    "total_us",
    "share",
)


class Row(NamedTuple):
    """What the page shows of an endpoint; `trend` draws its p95."""

    endpoint: EndpointKey
    measured: Measured
    per_minute: float
    trend: Sparkline


@dataclass(frozen=True)
class Asked:
    """The table as the address asks for it."""

    scope: ScopeForm
    table: EndpointTable
    tabs: KindTabs[EndpointRow]
    column: Column
    ascending: bool
    search: str

    @classmethod
    def of(cls, request: MemberRequest, project: Project) -> Self:
        """One read besides those of the pickers: of each endpoint's rollups, at most 24 of a version."""
        scope = ScopeForm.of(request, project, kept=("kind", "sort", "order", "search"))
        table = Rollup.objects.endpoints(
            project.pk, period=scope.asked_period(MOST_STRETCHES), **scope.chosen
        )
        sort, order = request.GET.get("sort", ""), request.GET.get("order", "")
        column = Column(sort) if sort in set(Column) else Column.TIME
        return cls(
            scope=scope,
            table=table,
            tabs=KindTabs.of(table.rows, asked=request.GET.get("kind", "")),
            column=column,
            ascending=order == ASCENDING if order else column.starts_ascending,
            search=request.GET.get("search", "")[:512],
        )

    @property
    def rows(self) -> list[EndpointRow]:
        rows = endpoint_table.found(self.tabs.rows_of_current, self.search)
        return endpoint_table.arranged(rows, self.column, ascending=self.ascending)

    @property
    def whole_us(self) -> int:
        """Of the kind, whatever is searched for."""
        return sum(row.measured.sum_us for row in self.tabs.rows_of_current)

    @property
    def minutes(self) -> float:
        return (self.table.period.end - self.table.period.start) / MINUTE


@project_member("viewer")
@require_safe
def endpoints(request: MemberRequest, project: Project) -> HttpResponse:
    """A page of the table. All that is chosen stands in the address."""
    asked = Asked.of(request, project)
    page = Paginator(asked.rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    return render_scoped(
        request,
        "profiles/endpoints.html",
        project,
        scope=asked.scope,
        tab="endpoints",
        tabs=asked.tabs,
        page=page,
        rows=list(_shown(asked, rows)),
        search=asked.search,
        column=asked.column,
        ascending=asked.ascending,
        whole_us=asked.whole_us,
        table_start=asked.table.period.start,
        has_untimed=any(row.measured.timed < row.measured.count for row in rows),
    )


@project_member("viewer")
@require_safe
def endpoints_csv(request: MemberRequest, project: Project) -> HttpResponse:
    """The same table as a file, all pages of it: times in microseconds, shares from 0 to 1."""
    asked = Asked.of(request, project)
    content = csv_table.text(HEADER, (_cells(asked, row) for row in asked.rows))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-endpoints.csv"'
    return response


def _shown(asked: Asked, rows: list[EndpointRow]) -> Iterator[Row]:
    period = asked.table.period
    stretches = list(starts(period.grain, period.start, period.end, zone=asked.scope.zone))
    for row in rows:
        trend = sparkline.draw(row.p95_us(stretches))
        yield Row(row.endpoint, row.measured, row.measured.count / asked.minutes, trend)


def _cells(asked: Asked, row: EndpointRow) -> list[str | float | None]:
    measured, whole_us = row.measured, asked.whole_us
    return [
        *row.endpoint,
        measured.count,
        round(measured.count / asked.minutes, 4),
        measured.errors,
        round(measured.error_rate, 6),
        measured.timed,
        *(None if us is None else round(us) for us in (measured.p50_us, measured.p95_us, measured.p99_us)),
        measured.sum_us,
        round(measured.sum_us / whole_us, 6) if whole_us else 0,
    ]
