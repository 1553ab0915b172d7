"""What is in the library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from .models import Author, Book, Loan, Reader, Subject

WORDS = ("River", "Glass", "North", "Winter", "Stone", "Paper", "Harbour", "Garden", "Night", "Clock")


def fill() -> None:
    """600 books, 2,000 loans; the same every time."""
    random = Random(7)
    Author.objects.bulk_create(
        Author(name=f"{random.choice(WORDS)} {number}", born=date(1900 + number % 90, 1, 1))
        for number in range(500)
    )
    Subject.objects.bulk_create(Subject(name=f"Subject {number}") for number in range(30))
    Reader.objects.bulk_create(
        Reader(name=f"Reader {number}", email=f"r{number}@example.com") for number in range(200)
    )
    authors, readers = list(Author.objects.all()), list(Reader.objects.all())
    Book.objects.bulk_create(
        Book(
            title=" ".join(random.choices(WORDS, k=3)),
            author=random.choice(authors),
            pages=random.randrange(50, 900),
            price=Decimal(random.randrange(500, 9_000)) / 100,
            published=date(1950 + random.randrange(75), 1 + random.randrange(12), 5),
        )
        for _ in range(600)
    )
    books = list(Book.objects.all())
    for book in books:
        book.subjects.set(1 + number for number in random.sample(range(30), 2))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    loans = [
        Loan(
            book=random.choice(books),
            reader=random.choice(readers),
            lent_at=start + timedelta(hours=number),
            returned_at=None if number % 2 else start + timedelta(hours=number + 200),
        )
        for number in range(2_000)
    ]
    Loan.objects.bulk_create(loans)
