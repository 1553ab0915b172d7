"""We store no geometry, and tell the database backend so before it looks for itself.

On import, django_mongodb_backend looks for GDAL three times, each with ldconfig and the C compiler: a third
of the start of every process. ImproperlyConfigured is how it learns of GDAL's absence anyway.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured


class NoGeometry(MetaPathFinder):
    """Reports GDAL as not installed, at once."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "django.contrib.gis.gdal":
            raise ImproperlyConfigured("This platform stores no geometry.")
        return None


def leave_out() -> None:
    sys.meta_path.insert(0, NoGeometry())
