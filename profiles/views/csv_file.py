"""Tables as downloads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.http import StreamingHttpResponse

from profiles import csv_table
from projects.models import Project


def answer(
    project: Project, name: str, header: Sequence[str], rows: Iterable[Sequence[str | float | None]]
) -> StreamingHttpResponse:
    """A file `<project>-<name>.csv`, sent as its rows come."""
    response = StreamingHttpResponse(csv_table.stream(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-{name}.csv"'
    return response


def instant(at: datetime) -> str:
    """A time for programs: in UTC, as the REST API writes it. MongoDB's come without a zone and are UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
