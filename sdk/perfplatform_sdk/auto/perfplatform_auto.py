"""Instruments an app that doesn't know of it: each framework when it is imported, each app when it is made.

Only then, not at the start of Python, is the SDK imported: programs without a framework pay next to nothing,
gevent patches first, and variables of a `.env` file have been read.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable

_IMPORT_WATCH = os.path.join(os.path.dirname(__file__), "..", "hooks", "imports.py")  # noqa: PTH118, PTH120
_OURS = "perfplatform_sdk"

# Whether the app itself has imported the SDK, and may call `init()` as well.
_is_imported_by_app = False
_is_imported_by_us = False
_has_complained = False


def watch() -> None:
    """Be told when a framework is imported."""
    # The file alone, by its path: its package is the whole SDK.
    imports: Any = type(sys)("perfplatform_imports")
    SourceFileLoader(imports.__name__, _IMPORT_WATCH).exec_module(imports)
    imports.ImportWatch(_FRAMEWORKS, _imported).start()


def _imported(name: str, module: ModuleType) -> None:
    try:
        _FRAMEWORKS[name](module)
    except Exception as error:  # noqa: BLE001 - a version of it that is unlike those we know
        _complain(f"{name} is not recorded ({error!r})")


def _flask(flask: Any) -> None:
    _after_init(flask.Flask, lambda zero_code, app: zero_code.record_flask(app))


def _starlette(applications: Any) -> None:
    _after_init(applications.Starlette, lambda zero_code, app: zero_code.record_starlette(app))


def _fastapi(fastapi: Any) -> None:
    # It does not call that of Starlette, whose subclass it is.
    if "__init__" in vars(fastapi.FastAPI):
        _after_init(fastapi.FastAPI, lambda zero_code, app: zero_code.record_starlette(app))


def _celery(base: Any) -> None:
    _after_init(base.Celery, lambda zero_code, app: zero_code.record_celery(app))


def _django(base: Any) -> None:
    from functools import wraps

    original = base.BaseHandler.load_middleware

    @wraps(original)
    def load_middleware(*args: Any, **kwargs: Any) -> Any:
        before = _with_sdk(lambda zero_code: zero_code.add_django_middleware(base.settings))
        try:
            return original(*args, **kwargs)
        finally:
            _with_sdk(lambda zero_code: zero_code.restore_django_middleware(base.settings, before))

    base.BaseHandler.load_middleware = load_middleware


def _sdk(_module: Any) -> None:
    global _is_imported_by_app
    if not _is_imported_by_us:
        _is_imported_by_app = True
        # For functions under `@profile`, in a program that may use no framework.
        _with_sdk(lambda zero_code: zero_code.start(quietly=True))


# The module after whose import a framework's class is complete.
_FRAMEWORKS: dict[str, Callable[[Any], None]] = {
    "flask": _flask,
    "starlette.applications": _starlette,
    "fastapi": _fastapi,
    "celery.app.base": _celery,
    "django.core.handlers.base": _django,
    _OURS: _sdk,
}


def _after_init(kind: Any, record: Callable[[Any, Any], None]) -> None:
    """Have every new object of a class recorded."""
    from functools import wraps

    original = kind.__init__

    @wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, *args, **kwargs)
        _with_sdk(lambda zero_code: record(zero_code, self))

    kind.__init__ = __init__


def _with_sdk(use: Callable[[Any], Any]) -> Any:
    """What `use` makes of the SDK; None where that fails, once with a line on stderr."""
    global _is_imported_by_us
    try:
        _is_imported_by_us = _is_imported_by_us or _OURS not in sys.modules
        from perfplatform_sdk import zero_code

        zero_code.is_used_by_app = _is_imported_by_app
        return use(zero_code)
    except Exception as error:  # noqa: BLE001 - the border to the app
        _complain(f"nothing is recorded by {sys.executable} ({error!r})")
        return None


def _complain(what: str) -> None:
    global _has_complained
    if not _has_complained:
        _has_complained = True
        sys.stderr.write(f"perfplatform: {what}\n")
