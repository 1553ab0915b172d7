"""The code table of the REST API, and the exception that carries one of its codes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException


class ErrorCode(IntEnum):
    """Codes of the envelope. Normative and never reused; 1xxxx are the system's, 2xxxx the product's."""

    SUCCESS = 0
    SYSTEM_ERROR = 10000
    PARAMETER_ERROR = 10001
    AUTHENTICATION_ERROR = 10002
    PERMISSION_ERROR = 10003
    RATE_LIMIT_ERROR = 10004
    DATABASE_ERROR = 10005
    PROJECT_NOT_FOUND = 20001
    PROJECT_NAME_EXISTS = 20002
    INVALID_PROJECT_KEY = 20003
    PERFORMANCE_DATA_INVALID = 20004
    AI_SERVICE_UNAVAILABLE = 20005
    ANALYSIS_IN_PROGRESS = 20006
    PROFILE_NOT_FOUND = 20007


# Code -> (HTTP status it comes with unless another is given, what it says).
TABLE: Mapping[ErrorCode, tuple[int, str | Promise]] = {
    ErrorCode.SYSTEM_ERROR: (500, _("Something went wrong on our side. Please try again later.")),
    ErrorCode.PARAMETER_ERROR: (400, _("A parameter is missing or wrong.")),
    ErrorCode.AUTHENTICATION_ERROR: (401, _("Please sign in or send valid credentials.")),
    ErrorCode.PERMISSION_ERROR: (403, _("You may not do this.")),
    ErrorCode.RATE_LIMIT_ERROR: (429, _("Too many requests. Please wait a moment.")),
    ErrorCode.DATABASE_ERROR: (503, _("The database cannot be reached. Please try again later.")),
    ErrorCode.PROJECT_NOT_FOUND: (404, _("There is no such project.")),
    ErrorCode.PROJECT_NAME_EXISTS: (409, _("A project of this name exists already.")),
    ErrorCode.INVALID_PROJECT_KEY: (401, _("The project key is unknown or was revoked.")),
    ErrorCode.PERFORMANCE_DATA_INVALID: (422, _("The performance data is not valid.")),
    ErrorCode.AI_SERVICE_UNAVAILABLE: (503, _("The AI service cannot be reached.")),
    ErrorCode.ANALYSIS_IN_PROGRESS: (409, _("An analysis of this is running already.")),
    ErrorCode.PROFILE_NOT_FOUND: (404, _("There is no such profile.")),
}


class ApiError(APIException):
    """An answer other than success.

    `message` replaces the table's text, `status` its HTTP status, and `data` is what the envelope carries
    (an object; empty unless the caller can use it).
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str | Promise = "",
        *,
        status: int | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        default_status, default_message = TABLE[code]
        self.code = code
        self.message = message or default_message
        self.data = dict(data or {})
        self.headers = dict(headers or {})
        self.status_code = status or default_status
        super().__init__(str(self.message))
