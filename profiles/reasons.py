"""Why items are refused or dropped, and what to do about it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from profiles.tally import OTHER, UNREADABLE
from profiles.wire import Refusal


class Reason(NamedTuple):
    """What happened, and the cure."""

    what: str | Promise
    cure: str | Promise


UNKNOWN: Final = Reason(
    _("For another reason"), _("A newer SDK names it than this platform knows. Update the platform.")
)

# By the platform: docs/wire.md, section 4.
REFUSED: Final[Mapping[str, Reason]] = {
    Refusal.INVALID: Reason(
        _("Not valid"),
        _("A field is missing or out of its bounds: the app’s log names it. Update the SDK in the app."),
    ),
    Refusal.TOO_LARGE: Reason(
        _("Too large"), _("One item was over 8 MB. Update the SDK in the app: it thins long recordings out.")
    ),
    Refusal.TOO_LATE: Reason(
        _("Too late"),
        _(
            "It began more than 6 hours before it arrived. Check the clock of the host, and whether the app "
            "could reach the platform."
        ),
    ),
    Refusal.CLOCK_SKEW: Reason(
        _("From the future"),
        _("The clock of the host is more than 5 minutes fast. Synchronize it, for example by NTP."),
    ),
    Refusal.ID_TAKEN: Reason(
        _("Sent to another project before"),
        _("The same profile went to two projects. Give each app a key of its own, and nothing to copy it."),
    ),
    Refusal.QUOTA: Reason(
        _("Over the quota of the day"),
        _("Have the SDK keep fewer profiles a minute, or raise “Profiles a day”; both are in the settings."),
    ),
    UNREADABLE: Reason(
        _("Could not be read"),
        _("A whole batch was cut off, changed or too large. Look for a proxy on the way that does so."),
    ),
}

# By the SDK, in the app: docs/wire.md, section 3.
DROPPED: Final[Mapping[str, Reason]] = {
    "queue_full": Reason(
        _("The queue in the app was full"),
        _(
            "More was recorded than could be sent in time. Keep fewer profiles a minute, or see whether the "
            "app reaches the platform quickly."
        ),
    ),
    "rate_limited": Reason(
        _("More than is kept in a minute"),
        _(
            "Slow and failed requests beyond the limit are counted, not recorded: nothing is wrong. Raise "
            "the limits in the settings to see more of them."
        ),
    ),
    "too_large": Reason(
        _("Too large to be sent"),
        _("A recording was over 8 MB even when thinned out. Sample less often, or record shorter work."),
    ),
    "refused": Reason(
        _("Refused by the platform"), _("The table above says why, unless it was an older platform.")
    ),
    "send_failed": Reason(
        _("Could not be sent"),
        _("The platform could not be reached for long, or the app ended meanwhile. Check the network."),
    ),
    "internal_error": Reason(
        _("The SDK failed"),
        _("A fault of ours, which the app did not notice. Update the SDK; its log says more."),
    ),
    "before_send": Reason(
        _("Held back by the app"), _("The app’s own before_send did not want it sent. That is as intended.")
    ),
    OTHER: UNKNOWN,
}
