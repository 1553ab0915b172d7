"""Which endpoints are recorded at all: `include` and `exclude`, decided once for each endpoint."""

from __future__ import annotations

from collections.abc import Sequence

from .keeping import Endpoint
from .patterns import is_wanted

_MAX_KNOWN = 4_096


class Coverage:
    """What the patterns say of endpoints."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = include
        self._exclude = exclude
        self._known: dict[Endpoint, bool] = {}

    def leaves_out(self, endpoint: Endpoint) -> bool:
        if not self._include and not self._exclude:
            return False
        known = self._known.get(endpoint)
        if known is None:
            known = not is_wanted(self._include, self._exclude, method=endpoint.method, name=endpoint.name)
            if len(self._known) < _MAX_KNOWN:
                self._known[endpoint] = known
        return known
