"""Celery: tasks run in a worker, beat sends them in time."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfplatform.settings")

app = Celery("perfplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def forget_inherited_connections(**_signal: Any) -> None:
    """A MongoClient must not be used on both sides of a fork."""
    from django.db import connections

    connections["default"].close_pool()  # type: ignore[attr-defined]
