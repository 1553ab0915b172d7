"""The health check of beat's container."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from perfplatform.health import SILENT_AFTER
from perfplatform.models import Heartbeat
from perfplatform.tasks import heartbeat


def test_passes_after_a_heartbeat(db: None) -> None:
    heartbeat()
    out = StringIO()
    call_command("check_heartbeat", stdout=out)
    assert "The last heartbeat is 0 s old." in out.getvalue()


def test_fails_before_the_first_heartbeat(db: None) -> None:
    with pytest.raises(CommandError, match="No heartbeat has arrived yet"):
        call_command("check_heartbeat")


def test_fails_when_heartbeats_stay_away(db: None) -> None:
    Heartbeat.objects.create(name="worker", at=timezone.now() - SILENT_AFTER - timedelta(seconds=5))
    with pytest.raises(CommandError, match="The last heartbeat is 40 s old"):
        call_command("check_heartbeat")
