"""Whose samples a page shows: those of different engines are not comparable, and never added up."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

ENGINE_NAMES: Final = {"sampler": _("Sampler"), "pyinstrument": _("pyinstrument")}


class Engine(NamedTuple):
    """An engine class that can be looked at, and the address of that."""

    name: Any
    query: str
    is_current: bool
