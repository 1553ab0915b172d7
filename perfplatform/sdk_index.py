"""The package index with the platform's own SDK, which no public index has (PEP 503, PEP 691)."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.html import format_html
from django.utils.http import quote_etag
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

PROJECT = "perfplatform-sdk"
WHEELS = "perfplatform_sdk-*.whl"
NOT_BUILT = "The SDK has not been built on this server yet. The cure is: ./manage.py build_sdk"
HTML = "text/html"
SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta name="pypi:repository-version" content="1.0"><title>{}</title></head>
<body>{}</body>
</html>
"""


@dataclass(frozen=True)
class Wheel:
    """A built SDK: file name, bytes and their SHA-256 in hexadecimal, and the Pythons it says it runs on."""

    file_name: str
    content: bytes
    sha256: str
    requires_python: str


def current_wheel() -> Wheel | None:
    """The newest wheel in SDK_DIST_DIR, or None if none was built yet."""
    found: list[tuple[int, int, Path]] = []
    for file in settings.SDK_DIST_DIR.glob(WHEELS):
        try:
            state = file.stat()
        except FileNotFoundError:
            continue  # An older version, which build_sdk has just removed.
        found.append((state.st_mtime_ns, state.st_size, file))
    if not found:
        return None
    modified_ns, size_bytes, file = max(found)
    return _read(file, modified_ns, size_bytes)


# Time and size are part of the key because a rebuilt wheel keeps its name.
@lru_cache(maxsize=2)
def _read(file: Path, modified_ns: int, size_bytes: int) -> Wheel:
    content = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = BytesHeaderParser().parsebytes(archive.read(name))
    return Wheel(file.name, content, hashlib.sha256(content).hexdigest(), metadata.get("Requires-Python", ""))


@require_safe
def simple(request: HttpRequest) -> HttpResponseBase:
    """The root of the index: the one project that it has."""
    if current_wheel() is None:
        return _not_found(NOT_BUILT)
    page = format_html(PAGE, "Packages of this platform", format_html('<a href="{0}/">{0}</a>', PROJECT))
    data = {"meta": {"api-version": "1.0"}, "projects": [{"name": PROJECT}]}
    return _index(request, page, data=data)


@require_safe
def files(request: HttpRequest) -> HttpResponseBase:
    """The project's page: its wheel, with hash and required Python."""
    wheel = current_wheel()
    if wheel is None:
        return _not_found(NOT_BUILT)
    # Relative, so that they hold under every path a proxy may put in front.
    url = f"../../files/{wheel.file_name}"
    link = format_html(
        '<a href="{}#sha256={}" data-requires-python="{}">{}</a>',
        url,
        wheel.sha256,
        wheel.requires_python,
        wheel.file_name,
    )
    file = {
        "filename": wheel.file_name,
        "url": url,
        "hashes": {"sha256": wheel.sha256},
        "requires-python": wheel.requires_python,
    }
    data = {"meta": {"api-version": "1.0"}, "name": PROJECT, "files": [file]}
    return _index(request, format_html(PAGE, f"Files of {PROJECT}", link), data=data)


@require_safe
def other_name(request: HttpRequest, name: str) -> HttpResponseBase:
    """PEP 503: every spelling of a name leads to the normalized one."""
    normalized = re.sub(r"[-_.]+", "-", name).lower()
    if normalized != PROJECT:
        return _not_found(f"This index has only {PROJECT}; get other packages from your usual one.")
    return HttpResponsePermanentRedirect(f"../{PROJECT}/")


@require_safe
def download(request: HttpRequest, file_name: str) -> HttpResponseBase:
    """The wheel itself."""
    wheel = current_wheel()
    if wheel is None:
        return _not_found(NOT_BUILT)
    if file_name != wheel.file_name:
        return _not_found(f"There is no such file here. The current one is {wheel.file_name}.")
    return _answer(request, HttpResponse(wheel.content, content_type="application/octet-stream"))


def _index(request: HttpRequest, page: SafeString, *, data: dict[str, Any]) -> HttpResponseBase:
    """`page` or `data`, whichever the client prefers; without a known wish it is HTML."""
    wish = request.get_preferred_type([HTML, SIMPLE_JSON, SIMPLE_HTML]) or HTML
    response: HttpResponse
    if wish == SIMPLE_JSON:
        response = JsonResponse(data, content_type=SIMPLE_JSON)
    else:
        response = HttpResponse(page, content_type=f"{wish}; charset=utf-8")
    patch_vary_headers(response, ["Accept"])
    return _answer(request, response)


def _answer(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    """With an ETag: a copy that is still good costs no second transfer."""
    # A rebuilt wheel keeps its name, so no copy may be used without asking.
    response["Cache-Control"] = "no-cache"
    response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest())
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


def _not_found(sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=404, content_type="text/plain; charset=utf-8")


app_name = "sdk"
urlpatterns = [
    path("simple/", simple, name="simple"),
    path(f"simple/{PROJECT}/", files, name="files"),
    path("simple/<str:name>/", other_name, name="other_name"),
    path("files/<str:file_name>", download, name="download"),
]
