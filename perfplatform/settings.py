"""Django's settings. What an installation chooses comes from perfplatform/environment.py and nowhere else."""

from __future__ import annotations

import os
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from pymongo.uri_parser import parse_uri

from perfplatform import environment, geometry

try:
    ENVIRONMENT = environment.read(os.environ)
except environment.InvalidEnvironment as error:
    raise ImproperlyConfigured(str(error)) from None

geometry.leave_out()

BASE_DIR = environment.ROOT
DEVELOPMENT = ENVIRONMENT.development
DEBUG = False  # Users never see a stack trace; developers find it in the log.
SECRET_KEY = ENVIRONMENT.secret_key
PUBLIC_URL = ENVIRONMENT.public_url
SDK_DIST_DIR = ENVIRONMENT.sdk_dist_dir

# Where it is served
ROOT_URLCONF = "perfplatform.urls"
WSGI_APPLICATION = "perfplatform.wsgi.application"
FORCE_SCRIPT_NAME = ENVIRONMENT.public_path or None
# Health checks of containers and load balancers come to the loopback address.
ALLOWED_HOSTS = [ENVIRONMENT.public_host, "127.0.0.1", "localhost", "[::1]"]
if DEVELOPMENT:
    ALLOWED_HOSTS.append("*")
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.public_origin]
CSRF_FAILURE_VIEW = "perfplatform.pages.csrf_failure"
HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = (ENVIRONMENT.public_path or "") + "/"
SESSION_COOKIE_NAME = "perfplatform_session"
CSRF_COOKIE_NAME = "perfplatform_csrf"
LANGUAGE_COOKIE_NAME = "perfplatform_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "perfplatform",
    "projects",
    "profiles",
    "analysis",
    "perfplatform.contrib.AdminConfig",
    "perfplatform.contrib.AuthConfig",
    "perfplatform.contrib.ContentTypesConfig",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_mongodb_backend",
    "corsheaders",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    "perfplatform.pages.DatabaseDownMiddleware",
    "perfplatform.body_limit.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# MongoDB: the ORM for what people edit, pymongo inside managers for hot paths (docs/decisions.md).
DATABASE_NAME = parse_uri(ENVIRONMENT.mongodb_uri)["database"] or "perfplatform"
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django_mongodb_backend",
        "HOST": ENVIRONMENT.mongodb_uri,
        "NAME": DATABASE_NAME,
        "OPTIONS": {
            "appname": "perfplatform",
            # A request must fail within seconds, not hang, while no primary can be reached.
            "serverSelectionTimeoutMS": 3000,
            "connectTimeoutMS": 3000,
            "socketTimeoutMS": 30000,
            "maxPoolSize": 50,
            "retryWrites": True,
            "tz_aware": False,
        },
    }
}
DATABASE_ROUTERS = ["django_mongodb_backend.routers.MongoRouter"]
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
MIGRATION_MODULES = {
    app: f"perfplatform.contrib_migrations.{app}" for app in ("admin", "auth", "contenttypes")
}

# Redis: cache and broker. Without it pages and ingest go on, only slower.
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": ENVIRONMENT.redis_url,
        "KEY_PREFIX": DATABASE_NAME,
        "OPTIONS": {
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 1,
        },
    }
}
# Limits are counted there too, under this prefix; without Redis nothing is limited.
THROTTLE_PREFIX = DATABASE_NAME
LIMITS = ENVIRONMENT.limits
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
SESSION_ENGINE = "perfplatform.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600

CELERY_BROKER_URL = ENVIRONMENT.redis_url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{DATABASE_NAME}:"}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    # It expires at its next turn, so that a worker that was away does not work through a queue of them.
    "heartbeat": {"task": "perfplatform.tasks.heartbeat", "schedule": 10, "options": {"expires": 10}},
    "fold": {"task": "profiles.tasks.fold", "schedule": 5, "options": {"expires": 5}},
    "repack": {"task": "profiles.tasks.repack_recordings", "schedule": 60, "options": {"expires": 60}},
    "give space back": {
        "task": "profiles.tasks.give_space_back",
        "schedule": 3_600,
        "options": {"expires": 3_600},
    },
    "apply retention": {"task": "profiles.tasks.apply_retention", "schedule": 60, "options": {"expires": 60}},
    "keep slowest": {"task": "profiles.tasks.keep_slowest", "schedule": 300, "options": {"expires": 300}},
    "hold quotas": {"task": "profiles.tasks.hold_quotas", "schedule": 60, "options": {"expires": 60}},
    "remove deleted projects": {
        "task": "profiles.tasks.remove_deleted_projects",
        "schedule": 20,
        "options": {"expires": 20},
    },
    "remove decisions of deleted projects": {
        "task": "analysis.tasks.remove_deleted_projects",
        "schedule": 20,
        "options": {"expires": 20},
    },
    "finish deletions": {
        "task": "projects.tasks.finish_deletions",
        "schedule": 30,
        "options": {"expires": 30},
    },
}

AUTH_USER_MODEL = "projects.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "projects:list"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["perfplatform.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

# Whole, because Django resolves a relative one only once, and that is before it knows PUBLIC_URL's path.
STATIC_URL = f"{ENVIRONMENT.public_path}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEVELOPMENT
# Whoever edits a file sees it at the next request.
WHITENOISE_AUTOREFRESH = DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "base-uri": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

CORS_ALLOWED_ORIGINS = list(ENVIRONMENT.cors_allowed_origins)
CORS_URLS_REGEX = r"^/api/.*$"
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
CORS_ALLOW_CREDENTIALS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["projects.authentication.CredentialAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["perfplatform.envelope.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "perfplatform.schema.EnvelopeSchema",
    "DEFAULT_PAGINATION_CLASS": "perfplatform.pagination.Pagination",
    "EXCEPTION_HANDLER": "perfplatform.envelope.handle_exception",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "perfplatform REST API",
    "DESCRIPTION": "Every answer is an envelope `{code, msg, data}`; `docs/wire.md` describes ingest.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ProfileKind": "profiles.models.Profile.Kind",
        "KeyKind": "projects.models.Key.Kind",
    },
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "perfplatform.schema.describe_codes",
    ],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENVIRONMENT.log_level},
    "loggers": {"django": {"level": ENVIRONMENT.log_level}, "pymongo": {"level": "WARNING"}},
}
