from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models


class Doctor(models.Model):
    name = models.CharField(max_length=80)
    speciality = models.CharField(max_length=40)


class PatientQuerySet(models.QuerySet):
    def adults(self):
        return self.filter(age__gte=18)

    def with_balance(self):
        return self.annotate(balance=models.Sum("visits__bill__amount"))


class Patient(models.Model):
    name = models.CharField(max_length=80)
    age = models.IntegerField(validators=[MinValueValidator(0)])
    phone = models.CharField(max_length=20, validators=[RegexValidator(r"^\+?[0-9 ]+$")])
    doctor = models.ForeignKey(Doctor, on_delete=models.CASCADE, related_name="patients")

    objects = PatientQuerySet.as_manager()

    def __str__(self):
        return f"{self.name} ({self.age})"

    def risk(self):
        return sum(ord(letter) for letter in self.name) * self.age % 100


class Visit(models.Model):
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="visits")
    at = models.DateTimeField()
    reason = models.TextField()
    urgent = models.BooleanField(default=False)


class Bill(models.Model):
    visit = models.OneToOneField(Visit, on_delete=models.CASCADE, related_name="bill")
    amount = models.DecimalField(max_digits=9, decimal_places=2)
    paid = models.BooleanField(default=False)
