"""Files of pyinstrument that people and scripts file under an endpoint and version."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from msgspec import Raw

from profiles import ingest, pyisession
from profiles.bounds import ACCEPT_EARLY, DAY_SECONDS
from profiles.models import Intake, Profile
from profiles.pyisession import Problem, Saved, UnusableFile
from profiles.tally import Tally
from profiles.wire import ProfileItem, Refusal
from projects.models import Project, Version

LARGEST_INTERVAL_US: Final = 60_000_000
LONGEST_TAG: Final = 200
AGAIN: Final = _("Save the recording again with pyinstrument 4 or 5 and upload that file.")

# What is wrong with a file -> what the person is told: the fault, and what to do.
SENTENCES: Final[Mapping[Problem, str | Promise]] = {
    Problem.EMPTY: _("The file is empty."),
    Problem.TOO_LARGE: _(
        "The file is over 32 MB. Record a shorter stretch, or with a longer interval: "
        "Profiler(interval=0.01)."
    ),
    Problem.NOT_JSON: _("The file is no recording of pyinstrument, or it was cut off."),
    Problem.NOT_A_NUMBER: _("The file holds a time that is no finite number (NaN or Infinity)."),
    Problem.NOT_UNICODE: _("The file holds text that is no valid Unicode."),
    Problem.NOT_A_SESSION: _("The file is JSON, but no recording that pyinstrument saved."),
    Problem.DAMAGED: _("The recording is damaged and pyinstrument could not show it."),
    Problem.NEGATIVE: _("The file holds a negative time."),
    Problem.TOO_LONG: _("The recording is longer than 24 hours. Record a shorter stretch."),
    Problem.TOO_DEEP: _(
        "The recording has a stack of over 5,000 frames. Record a part of the program that recurses less."
    ),
    Problem.TOO_MANY_SAMPLES: _(
        "The recording has too many samples (over 500,000, or over 2,000,000 frames in all). Record a "
        "shorter stretch, or with a longer interval: Profiler(interval=0.01)."
    ),
    Problem.NAME_TOO_LONG: _("The recording has a name of over 4,096 characters, which no code has."),
    Problem.START_UNKNOWN: _(
        "The recording says it began before the year 2000: set the clock and record again."
    ),
    Problem.START_IN_FUTURE: _("The recording says it begins in the future: set the clock and record again."),
}
# Where another try with the same program may help.
TRY_AGAIN: Final = frozenset(
    {
        Problem.EMPTY,
        Problem.NOT_JSON,
        Problem.NOT_A_NUMBER,
        Problem.NOT_UNICODE,
        Problem.NOT_A_SESSION,
        Problem.DAMAGED,
        Problem.NEGATIVE,
        Problem.NAME_TOO_LONG,
    }
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a file is filed under, within the bounds of docs/wire.md."""

    version: str
    environment: str
    kind: str
    method: str
    endpoint: str


class Stored(NamedTuple):
    """Where it is; `is_new` is false if the same file was uploaded to the project before."""

    profile_id: str
    is_new: bool


class QuotaUsedUp(Exception):
    """The project has had its profiles of the day."""


def store(project: Project, content: bytes, target: Target, *, file_name: str, now: datetime) -> Stored:
    """Store a file durably as a profile. Raises UnusableFile and QuotaUsedUp, and has stored nothing then.

    The id comes from project and content: the same file is there once, filed where it was first. It may have
    been recorded long ago; it is kept as long as one that arrives now.
    """
    profile_id = hashlib.sha256(f"{project.pk}:".encode() + content).hexdigest()[:32]
    if Profile.objects.stored(project.pk, [profile_id]):
        return Stored(profile_id, is_new=False)
    saved = pyisession.read(content, latest_start=(now + ACCEPT_EARLY).timestamp())
    if Intake.objects.left_of_quota(project, at=now) == 0:
        Intake.objects.add(project.pk, Tally(refused=Counter({str(Refusal.QUOTA): 1})), at=now)
        raise QuotaUsedUp
    name = Version.objects.filed_as(project.pk, target.version, at=now)
    said_of_all = {
        "project_id": project.pk,
        # Announced, not seen: a file is no traffic, and its version has reached no environment by it.
        "version_id": Version.objects.announce(project, name=name).pk,
        "version_name": name,
        "environment": target.environment,
        # It says nothing of the process.
        "instance": "",
        "hostname": "",
        "pid": 0,
        "python": "",
        "framework": "",
        "received_at": now,
    }
    item = _item(profile_id, saved, target, file_name)
    ingest.store_profiles(project, [(0, (item, saved.table))], said_of_all, outcome=ingest.Outcome())
    Intake.objects.add(project.pk, Tally(profiles=1), at=now)
    return Stored(profile_id, is_new=True)


def sentence(error: UnusableFile) -> str:
    """What is wrong with a file and what to do, in the language of the request."""
    told = str(SENTENCES[error.problem])
    if error.field and error.problem is Problem.DAMAGED:
        told = f"{told} ({error.field[:100]})"
    return f"{told} {AGAIN}" if error.problem in TRY_AGAIN else told


def quota_sentence(project: Project) -> str:
    return gettext(
        "The project has had its %(count)s profiles of today. Try again after midnight in UTC, or have an "
        "owner raise “Profiles a day” in the settings."
    ) % {"count": number_format(project.daily_profiles, force_grouping=True)}


def _item(profile_id: str, saved: Saved, target: Target, file_name: str) -> ProfileItem:
    """The file as if an SDK had sent it."""
    table, is_request = saved.table, target.kind == Profile.Kind.REQUEST
    told = {
        "file": file_name[:LONGEST_TAG],
        "pyinstrument": saved.written_by,
        "recorded": table.target_description[:LONGEST_TAG],
    }
    return ProfileItem(
        id=profile_id,
        kind=target.kind,  # type: ignore[arg-type]
        endpoint=target.endpoint,
        method=target.method if is_request else "",
        status=None,
        started_at=datetime.fromtimestamp(table.start_time, UTC),
        duration_us=round(table.duration * 1_000_000),
        cpu_us=min(round(table.cpu_time * 1_000_000), DAY_SECONDS * 1_000_000),
        engine="pyinstrument",
        interval_us=min(max(round(table.min_interval * 1_000_000), 1), LARGEST_INTERVAL_US),
        trigger="manual",
        session=Raw(b""),
        tags={name: text for name, text in told.items() if text},
    )
