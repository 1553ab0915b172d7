"""The id of the profile on the app's own log lines, so that one leads to the other.

handler.addFilter(ProfileFilter())
handler.setFormatter(logging.Formatter("%(asctime)s %(perfplatform_profile)s %(message)s"))
"""

from __future__ import annotations

import logging

from .context import current, innermost, outermost
from .recorder import Record, harmless


class ProfileFilter(logging.Filter):
    """Puts `perfplatform_profile` on every log record, and lets all of them pass.

    32 hexadecimal digits; the empty string outside of requests, tasks and calls. The platform has a profile
    of this id only if it is among those that are kept.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.perfplatform_profile = _profile_id() or ""
        return True


@harmless
def _profile_id() -> str:
    record: Record | None = outermost(innermost(current.get()))
    return "" if record is None else record.profile_id
