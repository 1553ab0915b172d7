"""Pages and API of the library: sync and async views, a template, a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path

from django_app.models import Book

BRANCH_SECONDS = 0.02  # how long a branch takes to answer


def show_catalogue(request: HttpRequest) -> HttpResponse:
    # Planted fault: for the author of each of 60 books, the template asks the database.
    return render(request, "catalogue.html", {"books": Book.objects.order_by("title")})


def show_book(_request: HttpRequest, number: int) -> HttpResponse:
    book = get_object_or_404(Book.objects.select_related("author"), pk=number)
    return JsonResponse({"title": book.title, "author": book.author.name})


def show_queue(_request: HttpRequest, number: int, readers: int) -> HttpResponse:
    book = get_object_or_404(Book, pk=number)
    # Planted bug: ZeroDivisionError where the library has lost all copies.
    return JsonResponse({"weeks": 2 * readers / book.copies})


async def ask_branch(_name: str) -> bool:
    """Whether a branch is open, by its web service, played by a pause."""
    await asyncio.sleep(BRANCH_SECONDS)
    return True


async def show_branches(_request: HttpRequest) -> HttpResponse:
    # Planted fault: one after the other, where asyncio.gather would do.
    return JsonResponse({name: await ask_branch(name) for name in ("harbour", "hill", "station")})


async def export_catalogue(_request: HttpRequest) -> HttpResponse:
    async def lines() -> AsyncIterator[str]:
        yield "number,title,author\n"
        async for book in Book.objects.select_related("author").order_by("pk"):
            yield f"{book.pk},{book.title},{book.author.name}\n"

    return StreamingHttpResponse(lines(), content_type="text/csv")


urlpatterns = [
    path("", show_catalogue),
    path("books/<int:number>/", show_book),
    path("books/<int:number>/queue/<int:readers>/", show_queue),
    path("branches/", show_branches),
    path("export.csv", export_catalogue),
]
