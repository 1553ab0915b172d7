from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from perfplatform.models import Heartbeat


@shared_task
def heartbeat() -> None:
    """Shows that beat, broker and worker all do their part: readyz looks for it."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": timezone.now()})
