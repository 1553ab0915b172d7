"""Celery: tasks run in a worker, beat sends them in time."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfplatform.settings")

app = Celery("perfplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def forget_inherited_connections(**_signal: Any) -> None:
    """A MongoClient must not be used on both sides of a fork."""
    from django.db import connections

    connections["default"].close_pool()  # type: ignore[attr-defined]


@beat_init.connect
def begin_with_a_heartbeat(**_signal: Any) -> None:
    """Its first turn comes after ten seconds, and till then nobody would know whether all is ready."""
    from perfplatform.tasks import heartbeat

    heartbeat.apply_async(expires=10)
