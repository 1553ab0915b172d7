"""What `perfplatform-run` does in the app's process: begin to record, and give each app its integration.

Called by auto/perfplatform_auto.py, which meets all that is raised here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import perfplatform_sdk

from . import client
from .config import read

_DJANGO = "perfplatform_sdk.integrations.django.Middleware"

is_used_by_app = (
    False  # the app imports the SDK itself, and may call `init()` with what the environment lacks
)


def start(*, quietly: bool) -> None:
    """Begin to record with what environment and file say, unless the app has called `init()`.

    `quietly`: where key or address are missing, leave it to the app without a warning.
    """
    if client.was_begun():
        return
    if quietly:
        config = read({}).config
        if not (config.key and config.url):
            return
    perfplatform_sdk.init()


def record_flask(app: Any) -> None:
    from .integrations.flask import PerfPlatform

    start(quietly=is_used_by_app)
    PerfPlatform(app)


def record_starlette(app: Any) -> None:
    """An app of Starlette or FastAPI."""
    from .integrations.starlette import PerfPlatform

    start(quietly=is_used_by_app)
    PerfPlatform(app)


def record_celery(app: Any) -> None:
    from .integrations.celery import install

    start(quietly=is_used_by_app)
    install()


def add_django_middleware(settings: Any) -> Optional[Sequence[str]]:
    """Put our middleware before the others while a handler loads them; gives back what was there.

    None, and nothing is changed, where the project has it already. Afterwards the settings are again what the
    project made them: checks and tests of their order see nothing of ours.
    """
    before: Sequence[str] = settings.MIDDLEWARE
    if _DJANGO in before:
        return None
    settings.MIDDLEWARE = [_DJANGO, *before]
    return before


def restore_django_middleware(settings: Any, before: Optional[Sequence[str]]) -> None:
    """The handler has loaded them; `before` is what the other function gave."""
    if before is not None:
        settings.MIDDLEWARE = before
    # Later than the middleware, which begins with what the project's settings say.
    start(quietly=is_used_by_app or before is None)
