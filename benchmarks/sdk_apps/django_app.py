"""The apps on Django, with its ORM and its templates."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from . import shop, work
from .routes import Route

_URLS = "benchmarks.sdk_apps.django_urls"


def configure(folder: Path, middleware: Sequence[str]) -> None:
    """Settings of an app with a database of its own; the usual middleware comes after what is given."""
    settings.configure(
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "shelf.sqlite3"},
        },
        # The only table is one that Django brings along, so that the app needs no models of its own.
        INSTALLED_APPS=["django.contrib.contenttypes"],
        MIDDLEWARE=[*middleware, "django.middleware.common.CommonMiddleware"],
        ROOT_URLCONF=_URLS,
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
    )
    django.setup()


def build(routes: Iterable[Route]) -> WSGIHandler:
    """The WSGI application; `configure` comes first."""
    urls = ModuleType(_URLS)
    urls.urlpatterns = [path(route.path[1:], _view(route.function)) for route in routes]  # type: ignore[attr-defined]
    sys.modules[_URLS] = urls
    return WSGIHandler()


def _view(function: Callable[[], Any]) -> Callable[[HttpRequest], HttpResponse]:
    def view(_request: HttpRequest) -> HttpResponse:
        value = function()
        return HttpResponse(value) if isinstance(value, str) else JsonResponse(value)

    return view


def shop_routes() -> list[Route]:
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection
    from django.template import engines

    with connection.schema_editor() as editor:
        editor.create_model(ContentType)
    ContentType.objects.bulk_create(
        ContentType(app_label="shop", model=f"product{number}") for number in range(work.PRODUCTS)
    )
    template = engines["django"].from_string(shop.PAGE_TEMPLATE)

    def queries() -> dict[str, Any]:
        numbers = range(1, work.QUERIES + 1)
        found = [
            ContentType.objects.get(app_label="shop", model=f"product{number * 17}") for number in numbers
        ]
        return {"products": [{"id": product.pk, "name": product.model} for product in found]}

    def page() -> str:
        return template.render({"title": "Products", "rows": work.page_rows()})

    return [
        Route(shop.TRIVIAL, shop.trivial),
        Route(shop.QUERIES, queries),
        Route(shop.PAGE, page),
        Route(shop.CALLS, shop.calls),
        Route(shop.WAIT, shop.wait),
    ]
