"""Every answer of the REST API as `{"code": 0, "msg": "success", "data": {...}}`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, JsonResponse
from pymongo.errors import PyMongoError
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from perfplatform.errors import TABLE, ApiError, ErrorCode

logger = logging.getLogger(__name__)

PREFIX = "/api/"

# Django's own answers (a middleware's, a missing route's) by status.
CODE_OF_STATUS = {
    400: ErrorCode.PARAMETER_ERROR,
    401: ErrorCode.AUTHENTICATION_ERROR,
    403: ErrorCode.PERMISSION_ERROR,
    404: ErrorCode.PARAMETER_ERROR,
    405: ErrorCode.PARAMETER_ERROR,
    406: ErrorCode.PARAMETER_ERROR,
    413: ErrorCode.PARAMETER_ERROR,
    415: ErrorCode.PARAMETER_ERROR,
    429: ErrorCode.RATE_LIMIT_ERROR,
}


def wrap(code: ErrorCode, message: str, data: Any = None) -> dict[str, Any]:
    return {"code": int(code), "msg": message, "data": {} if data is None else data}


def wrap_stream(data: Iterable[str]) -> Iterator[str]:
    """The envelope of a success around JSON that is written bit by bit."""
    yield f'{{"code": {ErrorCode.SUCCESS:d}, "msg": "success", "data": '
    yield from data
    yield "}"


class EnvelopeRenderer(JSONRenderer):
    """Puts what a view returns under `data`; what the exception handler made is an envelope already."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        response = (renderer_context or {}).get("response")
        if response is not None and not getattr(response, "is_envelope", False):
            data = wrap(ErrorCode.SUCCESS, "success", data)
        return super().render(data, accepted_media_type, renderer_context)


def handle_exception(exception: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: never lets one through, so that every answer is an envelope."""
    error = to_api_error(exception)
    if error.status_code >= 500:
        logger.error("%s in the API", type(exception).__name__, exc_info=exception)
    response = Response(
        wrap(error.code, str(error.message), error.data), status=error.status_code, headers=error.headers
    )
    response.is_envelope = True  # type: ignore[attr-defined]
    return response


def to_api_error(exception: Exception) -> ApiError:
    """The error of our own that says what `exception` means to a caller."""
    match exception:
        case ApiError():
            return exception
        case exceptions.ValidationError():
            return ApiError(
                ErrorCode.PARAMETER_ERROR, _first_message(exception.detail), data={"errors": exception.detail}
            )
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return ApiError(
                ErrorCode.AUTHENTICATION_ERROR, status=401, headers={"WWW-Authenticate": "Bearer"}
            )
        case exceptions.Throttled():
            wait = {"Retry-After": str(int(getattr(exception, "wait", None) or 1))}
            return ApiError(ErrorCode.RATE_LIMIT_ERROR, headers=wait)
        case exceptions.APIException():
            code = CODE_OF_STATUS.get(exception.status_code, ErrorCode.SYSTEM_ERROR)
            return ApiError(code, str(exception.detail), status=exception.status_code)
        case Http404():
            return ApiError(ErrorCode.PARAMETER_ERROR, status=404)
        case PermissionDenied():
            return ApiError(ErrorCode.PERMISSION_ERROR)
        case DatabaseError() | PyMongoError():
            return ApiError(ErrorCode.DATABASE_ERROR)
    return ApiError(ErrorCode.SYSTEM_ERROR)


def _first_message(detail: Any, path: str = "") -> str:
    """`name: This field is required.` of the first thing that DRF found wrong."""
    if isinstance(detail, dict) and detail:
        field, inner = next(iter(detail.items()))
        return _first_message(inner, path if field == "non_field_errors" else f"{path}{field}: ")
    if isinstance(detail, list) and detail:
        return _first_message(next((item for item in detail if item), ""), path)
    return f"{path}{detail}"


def answer(status: int) -> JsonResponse:
    """An envelope for what never reached a view of the API: an unknown path, a failed CSRF check, a crash."""
    code = CODE_OF_STATUS.get(status, ErrorCode.SYSTEM_ERROR)
    return JsonResponse(wrap(code, str(TABLE[code][1])), status=status)


def wants_envelope(request: HttpRequest) -> bool:
    return request.path_info.startswith(PREFIX)
