"""Limits on how much one sender may ask for, kept in Redis. While it is away nothing is limited.

DRF's own throttles keep a list of times in the cache: several round trips a request, lost updates between
processes, and an error where Redis is away. One short script does all of it at once, for several buckets.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from dataclasses import dataclass
from typing import Any, Final

import redis
from django.conf import settings
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# A limit is not worth waiting for: ingest needs MongoDB alone.
_TIMEOUT_S: Final = 0.25
# After a failure Redis is not asked for so long, so that one which hangs costs few requests their patience.
_PAUSE_S: Final = 5.0

# The generic cell rate algorithm (ATM Forum TM 4.0, 4.4.2): a bucket is one number, the time at which it will
# be empty again, in microseconds. ARGV: for each bucket what one request adds, and how far ahead it may lie.
_TAKE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local wait, ends = 0, {}
for n, name in ipairs(KEYS) do
  ends[n] = math.max(tonumber(redis.call('GET', name) or 0), now) + tonumber(ARGV[2 * n - 1])
  wait = math.max(wait, ends[n] - now - tonumber(ARGV[2 * n]))
end
if wait > 0 then return math.ceil(wait) end
for n, name in ipairs(KEYS) do
  redis.call('SET', name, string.format('%.0f', ends[n]), 'PX', math.ceil((ends[n] - now) / 1000))
end
return 0
"""


@dataclass(frozen=True)
class Bucket:
    """Lets `limit` requests through at once, and as many again within each `seconds`. Limit 0: no limit."""

    name: str
    limit: int
    seconds: int = 60


class _Pause:
    """Until when this process leaves Redis alone, by its monotonic clock."""

    until: float = 0.0


def take(*buckets: Bucket) -> int:
    """Take one request out of each bucket; return 0, or the seconds to wait where one of them is empty.

    Then nothing is taken out of the others. One round trip to Redis; 0 while that does not answer.
    """
    limited = [bucket for bucket in buckets if bucket.limit]
    if not limited or time.monotonic() < _Pause.until:
        return 0
    try:
        return math.ceil(_take(limited) / 1_000_000)
    except RedisError as error:
        # Addresses and passwords may stand in the message, so only its kind is told.
        logger.warning("Redis keeps no limits (%s): nothing is throttled.", type(error).__name__)
        _Pause.until = time.monotonic() + _PAUSE_S
        return 0


def give_back(bucket: Bucket) -> None:
    """Fill a bucket again at once."""
    try:
        _client(settings.ENVIRONMENT.redis_url).delete(_key(bucket))
    except RedisError as error:
        logger.warning("Redis gives no limit back (%s).", type(error).__name__)


def works() -> bool:
    """Whether limits are kept right now. Asks Redis in any case, and ends a pause where it answers."""
    try:
        _take([Bucket("readyz", 1_000_000)])
    except RedisError:
        return False
    _Pause.until = 0.0
    return True


def _take(buckets: list[Bucket]) -> int:
    steps = [
        number
        for bucket in buckets
        for number in (bucket.seconds * 1_000_000 / bucket.limit, bucket.seconds * 1_000_000)
    ]
    return int(_script(settings.ENVIRONMENT.redis_url)(keys=[_key(bucket) for bucket in buckets], args=steps))


def _key(bucket: Bucket) -> str:
    return f"{settings.THROTTLE_PREFIX}:throttle:{bucket.name}"


@functools.cache
def _script(url: str) -> Any:
    return _client(url).register_script(_TAKE)


@functools.cache
def _client(url: str) -> redis.Redis:
    """One for all threads; its pool makes new connections after a fork."""
    return redis.Redis.from_url(url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S)
