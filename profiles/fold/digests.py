"""Recordings of the random share to digests: the functions that took most of each profile.

Cost: about 3 ms for 100 samples, most of it for reading the recording.
"""

from __future__ import annotations

import logging

from profiles import function_times, merged
from profiles.fold.turn import DATA_ERRORS, Turn
from profiles.models import Digest, Profile, SessionBlob

logger = logging.getLogger(__name__)


def fold_digests(turn: Turn) -> bool:
    """Make the digests that are missing, the oldest first. Whether there were any."""
    profiles = Profile.objects.undigested(turn.shard)
    made: dict[str, bytes] = {}
    unreadable: list[str] = []
    for profile in profiles:
        if not turn.goes_on():
            break
        try:
            tree = merged.from_recording(SessionBlob.objects.session(profile.pk))
            made[profile.pk] = function_times.pack_digest(function_times.digest(tree))
        except (SessionBlob.DoesNotExist, *DATA_ERRORS):
            logger.exception("the recording of profile %s can't be read", profile.pk)
            unreadable.append(profile.pk)
    Digest.objects.store([(profile, made[profile.pk]) for profile in profiles if profile.pk in made])
    Profile.objects.mark_digested(list(made), unreadable=unreadable)
    return bool(profiles)
