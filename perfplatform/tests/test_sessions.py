from __future__ import annotations

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from perfplatform import mongo
from perfplatform.models import Session
from perfplatform.sessions import SessionStore


@pytest.mark.django_db
def test_a_session_is_kept_under_its_key_and_expires() -> None:
    store = SessionStore()
    store["colour"] = "blue"
    store.save()
    document = mongo.collection(Session).find_one({"_id": store.session_key})
    assert document is not None
    indexes = mongo.collection(Session).index_information()
    assert indexes["expire_date_ttl"]["expireAfterSeconds"] == 0


@pytest.mark.django_db
def test_losing_the_cache_signs_nobody_out(owner_client: Client) -> None:
    cache.clear()
    key = owner_client.cookies[settings.SESSION_COOKIE_NAME].value
    assert "_auth_user_id" in SessionStore(session_key=key).load()


@pytest.mark.django_db
def test_sessions_work_while_redis_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    from django_redis.cache import RedisCache

    dead = RedisCache(
        "redis://127.0.0.1:1/0", {"OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1}}
    )
    store = SessionStore()
    vars(store)["_cache"] = dead
    store["colour"] = "blue"
    store.save()
    again = SessionStore(session_key=store.session_key)
    vars(again)["_cache"] = dead
    assert again.load() == {"colour": "blue"}
