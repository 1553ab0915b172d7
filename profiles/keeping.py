"""Profiles that somebody chose to keep, beyond the time that the project's settings give them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils.translation import gettext_lazy as _

from profiles.lifetime import KEPT, RELEASED, Terms
from profiles.models import Profile, SessionBlob
from projects.models import Project

# Nothing grows without an end.
MOST_KEPT: Final = 1_000
TOO_MANY: Final = _(
    "This project keeps 1,000 profiles already, which is as many as it may. Let one go first."
)


class TooManyKept(Exception):
    """The project keeps as many as it may."""


def keep(profile: Profile) -> None:
    """Keep a profile and its recording until 730 days after it came. Doing it twice is as doing it once.

    Raises TooManyKept, and DoesNotExist if it has just expired.
    """
    if not profile.is_kept and Profile.lives.count_kept(profile.project_id, MOST_KEPT) >= MOST_KEPT:
        raise TooManyKept
    until = {profile.pk: profile.received_at + KEPT}
    # Before, so that no profile is kept without it; and after, since upkeep may write in between.
    SessionBlob.objects.expire(until)
    if not Profile.lives.keep(profile.pk, until=until[profile.pk]):
        raise Profile.DoesNotExist(profile.pk)
    SessionBlob.objects.expire(until)


def release(profile: Profile, project: Project, *, now: datetime) -> None:
    """Give a profile the life that it would have by itself, and a day at least."""
    terms = Terms(retention_days=project.retention_days, slowest_days=project.slowest_days)
    until = terms.expires_at(profile.received_at, is_slowest=profile.is_slowest)
    Profile.lives.release(profile.pk, until=max(until, now + RELEASED))
    # What it says now, if it was let go before or is kept again.
    released = Profile.objects.find(profile.pk)
    if released:
        SessionBlob.objects.expire({released.pk: released.expires_at})
