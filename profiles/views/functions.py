"""The functions of a project's app by the time that they take, over all endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from profiles import csv_table, function_rows
from profiles.calltree import Function, name_of, place_of
from profiles.forest import ENGINES
from profiles.function_sums import Table
from profiles.models import FunctionSums
from profiles.models.tree_blob import tree_period
from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from profiles.sources import Sources
from profiles.views.engines import ENGINE_NAMES, Engine
from profiles.views.scoped import render_scoped
from projects.access import project_member
from projects.models import Project
from projects.requests import MemberRequest

ROWS_ON_A_PAGE: Final = 50
ASCENDING: Final = "up"
LONGEST_SEARCH: Final = 512
IN_ADDRESS: Final = ("engine", "own", "sort", "order", "search")
HEADER: Final = (
    "function",
    "file",
    "line",
    "library",
    "self_us",
    "self_share",
    "total_us",
    "total_share",
    "samples",
    "endpoint",
)


class Row(NamedTuple):
    """What the page shows of a function; `endpoints` are where it takes most, with its time there."""

    function: Function
    name: str
    place: str
    self_us: int
    total_us: int
    samples: int
    endpoints: list[tuple[EndpointKey, int]]


@dataclass(frozen=True)
class Asked:
    """The table as the address asks for it."""

    scope: ScopeForm
    table: Table
    start: datetime
    engine: str
    own: bool
    order: str
    ascending: bool
    search: str

    @classmethod
    def of(cls, request: MemberRequest, project: Project) -> Self:
        """One read besides those of the pickers: a document for each hour or day, version and environment."""
        said = request.GET
        scope = ScopeForm.of(request, project, kept=IN_ADDRESS)
        span = scope.span
        period = tree_period(span.start, span.end, now=scope.now, zone=scope.zone)
        engine = said.get("engine", "")
        engine = engine if engine in ENGINES else ENGINES[0]
        sort, order = said.get("sort", ""), said.get("order", "")
        column = sort if sort in function_rows.ORDERS else function_rows.SELF
        return cls(
            scope=scope,
            table=FunctionSums.objects.table(project.pk, engine=engine, period=period, **scope.chosen),
            start=period.start,
            engine=engine,
            own=bool(said.get("own")),
            order=column,
            # Names begin with A, numbers with the greatest.
            ascending=order == ASCENDING if order else column == function_rows.NAME,
            search=said.get("search", "")[:LONGEST_SEARCH],
        )

    @property
    def rows(self) -> list[int]:
        rows = function_rows.chosen(self.table, search=self.search.strip(), own=self.own, order=self.order)
        return rows if self.ascending == (self.order == function_rows.NAME) else rows[::-1]

    @property
    def engines(self) -> list[Engine]:
        return [
            Engine(ENGINE_NAMES[name], self.scope.query(engine=name), name == self.engine) for name in ENGINES
        ]


@project_member("viewer")
@require_safe
def functions(request: MemberRequest, project: Project) -> HttpResponse:
    """A page of the table. All that is chosen stands in the address."""
    asked = Asked.of(request, project)
    page = Paginator(asked.rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    return render_scoped(
        request,
        "profiles/functions.html",
        project,
        scope=asked.scope,
        tab="functions",
        page=page,
        rows=[_row(asked.table, row) for row in page.object_list],
        table=asked.table,
        sources=Sources.of(project, asked.scope.source_version_id),
        table_start=asked.start,
        engine=asked.engine,
        engines=asked.engines,
        own=asked.own,
        search=asked.search,
        column=asked.order,
        ascending=asked.ascending,
    )


@project_member("viewer")
@require_safe
def functions_csv(request: MemberRequest, project: Project) -> HttpResponse:
    """The same table as a file, all pages of it: times in microseconds, shares from 0 to 1."""
    asked = Asked.of(request, project)
    content = csv_table.text(HEADER, (_cells(asked.table, row) for row in asked.rows))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-functions.csv"'
    return response


def _row(table: Table, row: int) -> Row:
    function = table.functions[row]
    return Row(
        function,
        name_of(function),
        place_of(function),
        table.self_us[row],
        table.total_us[row],
        table.sample_counts[row],
        table.endpoints(row),
    )


def _cells(table: Table, row: int) -> list[Any]:
    function, whole_us = table.functions[row], max(table.whole_us, 1)
    largest = table.endpoints(row)[:1]
    return [
        name_of(function),
        function.short_file,
        function.line,
        int(function.library),
        table.self_us[row],
        round(table.self_us[row] / whole_us, 6),
        table.total_us[row],
        round(table.total_us[row] / whole_us, 6),
        table.sample_counts[row],
        *(f"{endpoint.method} {endpoint.route}".strip() for endpoint, _total in largest),
    ]
