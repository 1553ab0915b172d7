"""sentry-sdk that records everything and sends nothing. What making JSON of it would cost is left out."""

from __future__ import annotations

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport


class Discarding(Transport):
    """Takes whatever comes and forgets it."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Forget it."""


def begin() -> None:
    sentry_sdk.init(
        # An address that nothing is ever sent to; without one nothing would be recorded either.
        dsn="http://public@127.0.0.1:9/1",
        traces_sample_rate=1.0,
        profiles_sample_rate=1.0,
        transport=Discarding,
    )
