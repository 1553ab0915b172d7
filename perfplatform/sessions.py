"""Sessions in MongoDB with the cache in front: when Redis is away nobody is signed out."""

from __future__ import annotations

from django.contrib.sessions.backends.cached_db import SessionStore as CachedSessionStore

from perfplatform.models import Session


class SessionStore(CachedSessionStore):
    cache_key_prefix = "perfplatform.sessions"

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session
