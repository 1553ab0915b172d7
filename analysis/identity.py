"""What a finding is known by, from version to version and in addresses."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, Self

import msgspec

from analysis.finding import Finding
from profiles.rollup import EndpointKey

LONGEST_NAME: Final = 200
LONGEST_ID: Final = 2_000


class InvalidId(ValueError):
    """An id that no page of ours gave out."""


class Identity(msgspec.Struct, array_like=True, frozen=True):
    """Detector, endpoint and function. Of the function its name with class, and its file; not its line."""

    detector: str
    kind: str
    method: str
    route: str
    function: str
    file: str

    @classmethod
    def of(cls, finding: Finding, endpoint: EndpointKey) -> Self:
        file = finding.function.short_file.replace("\\", "/")
        return cls(
            finding.detector,
            endpoint.kind,
            endpoint.method,
            endpoint.route,
            finding.function_name[:LONGEST_NAME],
            file[-LONGEST_NAME:],
        )

    @classmethod
    def read(cls, text: str) -> Self:
        """From `str()` of one. Raises InvalidId."""
        try:
            if len(text) > LONGEST_ID:
                raise InvalidId
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            found = msgspec.msgpack.decode(data, type=cls)
        except (ValueError, msgspec.MsgspecError) as error:
            raise InvalidId from error
        if str(found) != text:
            raise InvalidId
        return found

    def __str__(self) -> str:
        data = msgspec.msgpack.encode([part.encode("utf-8", "replace").decode() for part in self._parts()])
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    @property
    def key(self) -> str:
        """32 hexadecimal digits."""
        return hashlib.sha256(str(self).encode()).hexdigest()[:32]

    @property
    def endpoint(self) -> EndpointKey:
        return EndpointKey(self.kind, self.method, self.route)

    def _parts(self) -> tuple[str, ...]:
        return self.detector, self.kind, self.method, self.route, self.function, self.file
