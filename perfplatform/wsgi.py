"""The WSGI application that granian serves, under the path of PUBLIC_URL if that has one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfplatform.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application


def mounted(application: Any, path: str) -> Any:
    """`application` below `path`, whether or not the proxy in front has cut that path off already."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked = environ.get("PATH_INFO", "")
        if asked == path or asked.startswith(path + "/"):
            environ["PATH_INFO"] = asked[len(path) :] or "/"
        environ["SCRIPT_NAME"] = path
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    return serve if path else application


application = mounted(get_wsgi_application(), settings.ENVIRONMENT.public_path)
