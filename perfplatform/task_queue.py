"""How many tasks wait in Redis for a worker."""

from __future__ import annotations

import redis
from django.conf import settings
from redis.exceptions import RedisError

DEFAULT_QUEUE = "celery"


def length(queue: str = DEFAULT_QUEUE) -> int | None:
    """None while Redis does not answer."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    client = redis.Redis.from_url(settings.ENVIRONMENT.redis_url, socket_connect_timeout=1, socket_timeout=1)
    try:
        with client:
            # Kombu's Redis transport keeps a queue as a list under its name.
            return int(client.llen(f"{prefix}{queue}"))
    except RedisError:
        return None
