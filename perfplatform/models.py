from __future__ import annotations

from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils.translation import gettext_lazy as _


class SessionManager(BaseSessionManager["Session"]):
    """Its rows are made by perfplatform.sessions."""


class Session(AbstractBaseSession):
    """Who is signed in. The key is the `_id`, since MongoDB reads by no other unique index."""

    session_key = models.CharField(_("session key"), max_length=40, primary_key=True, db_column="_id")
    # Its index is the one by which MongoDB deletes what has expired: migration 0002.
    expire_date = models.DateTimeField(_("expire date"))

    objects = SessionManager()  # type: ignore[misc]

    class Meta(AbstractBaseSession.Meta):
        db_table = "perfplatform_session"

    @classmethod
    def get_session_store_class(cls) -> type:
        from perfplatform.sessions import SessionStore

        return SessionStore


class Heartbeat(models.Model):
    """When a part of the platform last showed that it works."""

    name = models.CharField(max_length=40, primary_key=True, db_column="_id")
    at = models.DateTimeField()

    class Meta:
        db_table = "perfplatform_heartbeat"
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name
