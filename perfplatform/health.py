"""Is it alive (/healthz), and can it serve (/readyz)?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from perfplatform import mongo, throttle
from perfplatform.models import Heartbeat

logger = logging.getLogger(__name__)

# Three turns of the heartbeat and a little.
SILENT_AFTER = timedelta(seconds=35)


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 unless MongoDB, Redis and a worker all answer and limits are kept; the body names each."""
    mongodb = _state(_ask_mongodb)
    # The worker's heartbeat lies in MongoDB: without that asking would only cost another time-out.
    worker = (
        _state(_ask_worker) if mongodb["ok"] else {"ok": False, "detail": "unknown while MongoDB is away"}
    )
    parts = {
        "mongodb": mongodb,
        "redis": _state(_ask_redis),
        "worker": worker,
        "throttle": _state(_ask_throttle),
    }
    ready = all(part["ok"] for part in parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _state(ask: Callable[[], str]) -> dict[str, Any]:
    try:
        problem = ask()
    except (RedisError, DatabaseError, PyMongoError) as error:
        # Addresses and passwords may stand in the message, so it goes to the log alone.
        logger.warning("%s failed: %s", ask.__name__, error)
        problem = "does not answer"
    return {"ok": not problem, "detail": problem}


def _ask_mongodb() -> str:
    mongo.database().command("ping")
    return ""


def _ask_redis() -> str:
    client = redis.Redis.from_url(settings.ENVIRONMENT.redis_url, socket_connect_timeout=1, socket_timeout=1)
    with client:
        client.ping()
    return ""


def _ask_throttle() -> str:
    return "" if throttle.works() else "Redis keeps no limits: nothing is throttled until it does again"


def _ask_worker() -> str:
    last = Heartbeat.objects.filter(pk="worker").first()
    if last is None:
        return "has not reported yet"
    return "" if timezone.now() - last.at < SILENT_AFTER else "has been silent for too long"
