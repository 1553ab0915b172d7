"""No request may be larger than the largest file that can be uploaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from perfplatform import pages

# A file of 32 MB, and what stands around it in a form.
LARGEST_REQUEST_BYTES: Final = 33 * 1024 * 1024


class BodyLimitMiddleware:
    """Answers 413 before anything reads the body: looking for a CSRF token alone would store all of it.

    A body without a Content-Length is empty to Django, so this is all there is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or ""
        if length.isdigit() and int(length) > LARGEST_REQUEST_BYTES:
            return pages.too_large(request)
        return self.get_response(request)
