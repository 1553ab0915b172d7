"""The Django project: settings, URLs, the REST envelope and the health of the servers it needs."""

from perfplatform.celery import app as celery_app

__all__ = ["celery_app"]
