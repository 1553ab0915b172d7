"""What is in the clinic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from .models import Bill, Doctor, Patient, Visit

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jun")
REASONS = ("cough and fever", "a broken arm", "yearly check", "headache for a week")


def fill() -> None:
    """500 patients with three visits each; the same every time."""
    random = Random(11)
    Doctor.objects.bulk_create(
        Doctor(name=f"Dr {name}", speciality=random.choice(("eyes", "heart", "bones"))) for name in NAMES
    )
    doctors = list(Doctor.objects.all())
    Patient.objects.bulk_create(
        Patient(
            name=f"{random.choice(NAMES)} {number}",
            age=random.randrange(95),
            phone=f"+49 {number:06}",
            doctor=random.choice(doctors),
        )
        for number in range(500)
    )
    start = datetime(2026, 3, 1, tzinfo=UTC)
    Visit.objects.bulk_create(
        Visit(
            patient=patient,
            at=start + timedelta(hours=random.randrange(6_000)),
            reason=random.choice(REASONS),
            urgent=random.random() < 0.2,
        )
        for patient in Patient.objects.all()
        for _ in range(3)
    )
    Bill.objects.bulk_create(
        Bill(visit=visit, amount=Decimal(random.randrange(1_000, 50_000)) / 100, paid=random.random() < 0.5)
        for visit in Visit.objects.all()
    )
