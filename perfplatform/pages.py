"""What a person or a program sees when something went wrong: a page, or an envelope under /api/."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from pymongo.errors import PyMongoError

from perfplatform import envelope
from perfplatform.errors import TABLE, ErrorCode

logger = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404)


def too_large(request: HttpRequest) -> HttpResponse:
    return _answer(request, 413)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(request, 403, page="csrf")


class DatabaseDownMiddleware:
    """Answers 503 in words while MongoDB is away, instead of a server error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except (DatabaseError, PyMongoError) as error:
            return self.answer(request, error)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A view's exception; those of the middlewares below come through __call__."""
        return (
            self.answer(request, exception) if isinstance(exception, DatabaseError | PyMongoError) else None
        )

    def answer(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        logger.error("The database failed: %s", exception)
        if envelope.wants_envelope(request):
            code = ErrorCode.DATABASE_ERROR
            return JsonResponse(envelope.wrap(code, str(TABLE[code][1])), status=503)
        return _answer(request, 503)


def _answer(request: HttpRequest, status: int, *, page: str = "") -> HttpResponse:
    if envelope.wants_envelope(request):
        return envelope.answer(status)
    response = render(request, f"errors/{page or status}.html", status=status)
    # The page of an error says nothing that could be stored for later.
    response["Cache-Control"] = "no-store"
    return response
