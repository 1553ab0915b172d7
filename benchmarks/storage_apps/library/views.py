"""Each view does the work of a real page for `size` items somewhere in the data."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

from django import forms
from django.core import serializers
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.core.paginator import Paginator
from django.core.signing import dumps, loads
from django.db import transaction
from django.db.models import Avg, Count, F, Max, Prefetch, Q, Sum
from django.db.models.functions import TruncMonth
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.text import slugify, wrap

from .models import Author, Book, Loan, Reader, Subject


class LoanForm(forms.Form):
    reader = forms.EmailField()
    title = forms.CharField(max_length=200)
    days = forms.IntegerField(min_value=1, max_value=60)
    note = forms.CharField(required=False, widget=forms.Textarea)

    def clean_title(self):
        return self.cleaned_data["title"].strip().title()


def window(request, queryset):
    size = int(request.GET["size"])
    start = int(request.GET["start"]) % 400
    return queryset[start : start + size]


def book_list(request):
    books = window(request, Book.objects.select_related("author").order_by("title"))
    return render(request, "books.html", {"books": books, "title": "Books"})


def book_detail(request):
    rows = []
    for book in window(request, Book.objects.order_by("pk")):
        found = get_object_or_404(Book, pk=book.pk)
        rows.append({"book": found, "loans": found.loans.filter(returned_at=None).count()})
    return render(request, "details.html", {"rows": rows})


def author_list(request):
    authors = window(request, Author.objects.annotate(count=Count("books")).order_by("name"))
    return render(request, "authors.html", {"authors": authors})


def author_books(request):
    titles = {}
    for author in window(request, Author.objects.prefetch_related("books").order_by("pk")):
        titles[author.name] = [book.label() for book in author.books.all()]
    return JsonResponse(titles)


def search(request):
    size = int(request.GET["size"])
    words = ["river", "glass", "north", "winter", "stone"]
    found = []
    for number in range(size):
        word = words[(int(request.GET["start"]) + number) % len(words)]
        matches = Book.objects.filter(Q(title__icontains=word) | Q(author__name__startswith=word[0].upper()))
        found += list(matches.values("pk", "title")[:3])
    return JsonResponse({"found": found})


def catalogue_api(request):
    books = window(request, Book.objects.select_related("author").prefetch_related("subjects"))
    return HttpResponse(serializers.serialize("json", books), content_type="application/json")


def statistics(request):
    months = []
    for number in range(int(request.GET["size"])):
        base = Book.objects.filter(pages__gt=number % 300)
        months.append(base.aggregate(Sum("price"), Avg("pages"), Max("published")))
        loans = Loan.objects.annotate(month=TruncMonth("lent_at")).values("month")
        months.append(list(loans.annotate(count=Count("pk")).order_by("month")[:5]))
    return JsonResponse({"months": months}, json_dumps_params={"default": str})


def export_csv(request):
    output = io.StringIO()
    writer = csv.writer(output)
    for loan in window(request, Loan.objects.select_related("book__author", "reader").order_by("pk")):
        writer.writerow(
            [loan.pk, loan.book.label(), loan.reader.name, loan.lent_at.isoformat(), loan.is_open]
        )
    return HttpResponse(output.getvalue(), content_type="text/csv")


def lend(request):
    accepted = []
    for number in range(int(request.GET["size"])):
        form = LoanForm({"reader": f"reader{number}@example.com", "title": " a title ", "days": number % 70})
        if form.is_valid():
            accepted.append(form.cleaned_data)
        else:
            accepted.append(form.errors.get_json_data())
    return JsonResponse({"accepted": accepted})


def give_back(request):
    now = timezone.now()
    with transaction.atomic():
        for loan in window(request, Loan.objects.filter(returned_at=None).order_by("pk")):
            loan.returned_at = now
            loan.full_clean(exclude=["book"])
            loan.save(update_fields=["returned_at"])
        transaction.set_rollback(True)
    return HttpResponse(status=204)


def overdue(request):
    limit = timezone.now() - timedelta(days=30)
    loans = Loan.objects.filter(lent_at__lt=limit).select_related("reader", "book")
    mails = []
    for loan in window(request, loans.order_by("lent_at")):
        body = wrap(f"Dear {loan.reader.name}, please bring {loan.book.title} back. " * 3, 60)
        mail = EmailMessage("Overdue", body, "library@example.com", [loan.reader.email])
        mails.append(mail.message().as_string()[:200])
    return JsonResponse({"mails": mails})


def form_page(request):
    pages = [LoanForm(prefix=f"loan{number}").as_p() for number in range(int(request.GET["size"]))]
    return render(request, "form.html", {"pages": pages})


def pager(request):
    shown = []
    for number in range(int(request.GET["size"])):
        paginator = Paginator(Book.objects.order_by("-published"), 10 + number % 5)
        page = paginator.get_page(1 + number % paginator.num_pages)
        shown.append([escape(book.title) for book in page.object_list])
    return render(request, "pager.html", {"shown": shown})


def subjects(request):
    recent = Prefetch("books", queryset=Book.objects.filter(pages__gt=100).select_related("author"))
    size = int(request.GET["size"])
    rows = Subject.objects.prefetch_related(recent).order_by("name")[: max(1, size // 8)]
    return render(request, "subjects.html", {"subjects": rows, "size": size})


def links(request):
    addresses = []
    for book in window(request, Book.objects.only("title", "pk")):
        token = dumps({"book": book.pk, "title": slugify(book.title)})
        addresses.append(reverse("book_detail") + f"?token={token}&pk={loads(token)['book']}")
    return JsonResponse({"addresses": addresses})


def ranking(request):
    counts = Counter()
    for loan in window(request, Loan.objects.select_related("book__author").order_by("-lent_at")):
        key = f"rank:{loan.book.author_id}"
        cache.set(key, (cache.get(key) or 0) + 1)
        counts[loan.book.author.name] += 1
    top = Reader.objects.annotate(taken=Count("loans")).filter(taken__gte=F("pk") % 3)[:5]
    names = json.dumps([reader.name for reader in top] + counts.most_common(5))
    total = sum((book.price for book in Book.objects.all()[:50]), Decimal(0))
    return HttpResponse(names + str(total) + datetime(2026, 1, 1).isoformat())


VIEWS = [
    book_list,
    book_detail,
    author_list,
    author_books,
    search,
    catalogue_api,
    statistics,
    export_csv,
    lend,
    give_back,
    overdue,
    form_page,
    pager,
    subjects,
    links,
    ranking,
]
