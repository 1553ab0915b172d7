"""Books and who wrote them."""

from __future__ import annotations

from django.db import connection, models


class Author(models.Model):
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=120)
    author = models.ForeignKey(Author, models.CASCADE)
    copies = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.title


def fill() -> None:
    """Make the tables, with 60 books of 12 authors."""
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    Author.objects.bulk_create(Author(pk=number, name=f"Author {number}") for number in range(12))
    Book.objects.bulk_create(
        Book(pk=number, title=f"Volume {number}", author_id=number % 12, copies=number % 10)
        for number in range(60)
    )
