from __future__ import annotations

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)
    born = models.DateField()


class Subject(models.Model):
    name = models.CharField(max_length=50)


class Book(models.Model):
    title = models.CharField(max_length=200)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    subjects = models.ManyToManyField(Subject, related_name="books")
    pages = models.IntegerField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    published = models.DateField()

    def age_years(self, today: int = 2026) -> int:
        return today - self.published.year

    def label(self) -> str:
        return f"{self.title} ({self.author.name}, {self.published:%Y})"


class Reader(models.Model):
    name = models.CharField(max_length=100)
    email = models.EmailField()


class Loan(models.Model):
    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="loans")
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="loans")
    lent_at = models.DateTimeField()
    returned_at = models.DateTimeField(null=True)

    @property
    def is_open(self) -> bool:
        return self.returned_at is None
