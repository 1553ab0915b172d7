"""./manage.py check_heartbeat: does what beat sends still arrive? The health check of beat's container."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from perfplatform.health import SILENT_AFTER
from perfplatform.models import Heartbeat


class Command(BaseCommand):
    help = "Fail unless a heartbeat has gone from beat through the broker and a worker into MongoDB lately."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        last = Heartbeat.objects.filter(pk="worker").first()
        if last is None:
            raise CommandError("No heartbeat has arrived yet.")
        age = timezone.now() - last.at
        if age > SILENT_AFTER:
            raise CommandError(f"The last heartbeat is {age.total_seconds():.0f} s old.")
        self.stdout.write(f"The last heartbeat is {age.total_seconds():.0f} s old.")
