"""Pages of lists: `data.items` and `data.pagination`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response

from perfplatform.errors import ApiError, ErrorCode

LARGEST_PAGE = 100


def describe(*, page: int, page_size: int, total: int) -> dict[str, Any]:
    """The `pagination` object of a list with `total` items."""
    pages = max(1, math.ceil(total / page_size))
    return {
        "page": page,
        "page_size": page_size,
        "total": total,
        "total_pages": pages,
        "has_next": page < pages,
        "has_prev": page > 1,
    }


class Pagination(PageNumberPagination):
    page_size = 25
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        for name in ("page", "page_size"):
            text = request.query_params.get(name, "1")
            if not (text.isascii() and text.isdigit() and len(text) < 8 and int(text) > 0):
                raise ApiError(ErrorCode.PARAMETER_ERROR, f"{name}: {text!r}")
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        page: Any = self.page
        paginator = page.paginator
        pagination = describe(page=page.number, page_size=paginator.per_page, total=paginator.count)
        return Response({"items": data, "pagination": pagination})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        numbers = {name: {"type": "integer"} for name in ("page", "page_size", "total", "total_pages")}
        flags = {name: {"type": "boolean"} for name in ("has_next", "has_prev")}
        return {
            "type": "object",
            "required": ["items", "pagination"],
            "properties": {
                "items": schema,
                "pagination": {"type": "object", "properties": {**numbers, **flags}},
            },
        }
