"""Keeps what is stored as the settings of its project want it: how long, which longer, and how much.

Tasks call this. Each function works in small steps until `time.monotonic()` is `until`, and goes on there the
next time. It may be killed at any moment, run again, and run in two workers at once: what it writes follows
from what is stored and from the settings alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from bson import ObjectId
from django.utils import timezone

from profiles import storage
from profiles.lifetime import LEAST, Lifetime, Terms
from profiles.models import Profile, SessionBlob, Upkeep
from profiles.used import Used
from projects.models import Project

BATCH: Final = 1_000
ENDPOINTS_AT_ONCE: Final = 20
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
# How old the choice of the slowest, and a measured size, may become.
SLOWEST_HOLD: Final = timedelta(hours=1)
MEASURED_HOLD: Final = timedelta(minutes=10)


def apply_terms(*, until: float) -> None:
    """Gives stored profiles the life that changed settings promise."""
    for project in _kept_projects():
        upkeep, terms = Upkeep.objects.of(project.pk), _terms(project)
        if (upkeep.retention_days, upkeep.slowest_days) != (terms.retention_days, terms.slowest_days):
            _walk(project.pk, terms, begin=upkeep.walked_to or BEGINNING, until=until)
        if time.monotonic() >= until:
            return


def _walk(project_id: ObjectId, terms: Terms, *, begin: datetime, until: float) -> None:
    """From the oldest to the newest, which may be arriving under the old settings while this begins."""
    while time.monotonic() < until:
        found = Profile.lives.arrived_after(project_id, begin, BATCH)
        _expire(found, terms, slowest={life.profile_id for life in found if life.is_slowest})
        if len(found) < BATCH:
            Upkeep.objects.note(
                project_id,
                retention_days=terms.retention_days,
                slowest_days=terms.slowest_days,
                walked_to=None,
            )
            return
        begin = max(life.started_at for life in found) + timedelta(milliseconds=1)
        Upkeep.objects.note(project_id, walked_to=begin)


def _expire(lives: Iterable[Lifetime], terms: Terms, *, slowest: set[str]) -> None:
    """The recording first: the profile tells whether both are done. What somebody keeps is left alone."""
    times = {
        life.profile_id: terms.expires_at(life.received_at, is_slowest=life.profile_id in slowest)
        for life in lives
        if not life.is_kept
    }
    SessionBlob.objects.expire(times)
    # Somebody may have chosen to keep one since it was read.
    SessionBlob.objects.expire(Profile.lives.kept_until(list(times)))
    Profile.lives.expire(times, slowest=slowest)


def keep_slowest(*, until: float) -> None:
    """Chooses the slowest profiles of each endpoint and version, and releases those that no longer are."""
    for project in _kept_projects():
        upkeep = Upkeep.objects.of(project.pk)
        if upkeep.slowest_done_at is None or timezone.now() - upkeep.slowest_done_at >= SLOWEST_HOLD:
            _choose(project, after=upkeep.slowest_walked_to, until=until)
        if time.monotonic() >= until:
            return


def _choose(project: Project, *, after: str, until: float) -> None:
    while time.monotonic() < until:
        endpoints = Profile.lives.endpoints_after(project.pk, after, ENDPOINTS_AT_ONCE)
        for endpoint in endpoints:
            choose_slowest(project, endpoint)
        if not endpoints:
            Upkeep.objects.note(project.pk, slowest_walked_to="", slowest_done_at=timezone.now())
            return
        after = endpoints[-1]
        Upkeep.objects.note(project.pk, slowest_walked_to=after)


def choose_slowest(project: Project, endpoint: str) -> None:
    """Keeps the slowest of one endpoint, of each version and method, for the longer time."""
    count = project.slowest_kept
    chosen = Profile.lives.slowest_of(project.pk, endpoint, count) if count else []
    slowest = {life.profile_id for life in chosen}
    marked = Profile.lives.marked_slowest(project.pk, endpoint)
    released = [life for life in marked if life.profile_id not in slowest]
    new = [life for life in chosen if not life.is_slowest]
    _expire([*new, *released], _terms(project), slowest=slowest)


def hold_quotas(*, until: float) -> None:
    """Measures what projects use, and removes the oldest profiles of those that use more than they may."""
    for project in _kept_projects():
        if time.monotonic() >= until:
            return
        upkeep = Upkeep.objects.of(project.pk)
        if upkeep.measured_at is None or timezone.now() - upkeep.measured_at >= MEASURED_HOLD:
            measured = asdict(storage.measure(project.pk))
            Upkeep.objects.note(project.pk, **measured, measured_at=timezone.now())
            upkeep = Upkeep.objects.of(project.pk)
        if project.storage_quota_bytes:
            _hold(project, upkeep.used(), until=until)


def _hold(project: Project, measured: Used, *, until: float) -> None:
    """Profiles are counted anew, their size is the measured one: files give space back minutes later."""
    profiles = Profile.lives.count_of(project.pk)
    too_many = replace(measured, profiles=profiles).profiles_over(project.storage_quota_bytes)
    while too_many > 0 and time.monotonic() < until:
        removed = _remove_oldest(project.pk, min(too_many, BATCH))
        if not removed:
            break
        too_many, profiles = too_many - removed, profiles - removed
    Upkeep.objects.note(project.pk, profiles=profiles)


def _remove_oldest(project_id: ObjectId, count: int) -> int:
    """Those kept for being slow go late, those kept by choice last; none within 12 h of its arrival."""
    before = timezone.now() - LEAST
    for spared in (("is_slowest", "is_kept"), ("is_kept",), ()):
        ids: Sequence[str] = Profile.lives.oldest(
            project_id, received_before=before, spared=spared, limit=count
        )
        if ids:
            SessionBlob.objects.remove(ids)
            return Profile.lives.remove(ids)
    return 0


def _kept_projects() -> list[Project]:
    return list(Project.objects.exclude(status=Project.Status.DELETING))


def _terms(project: Project) -> Terms:
    return Terms(retention_days=project.retention_days, slowest_days=project.slowest_days)
