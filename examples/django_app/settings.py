"""Settings of the library."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["LIBRARY_DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["django_app"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
if os.environ.get("PERFPLATFORM_KEY"):
    MIDDLEWARE.insert(0, "perfplatform_sdk.integrations.django.Middleware")
    # Key, address and environment come from PERFPLATFORM_KEY, PERFPLATFORM_URL and PERFPLATFORM_ENVIRONMENT.
    PERFPLATFORM = {"version": "1.0"}
ROOT_URLCONF = "django_app.views"
SECRET_KEY = secrets.token_urlsafe()
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
    }
]
USE_TZ = True
