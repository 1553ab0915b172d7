"""What is copied from a profile's or an endpoint's page into a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from profiles.amounts import count, duration, percent_of, rate
from profiles.models import Profile
from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from profiles.ticket import Step, Ticket
from profiles.tree_rows import Row, Suspect
from profiles.trends import Measured
from projects import clock
from projects.models import Project

Facts = list[tuple[str, str]]


def of_profile(
    project: Project,
    profile: Profile,
    *,
    zone: ZoneInfo,
    path: Sequence[Row],
    suspect: Suspect | None,
    whole_us: int,
) -> str:
    """One request with its facts."""
    facts: Facts = [
        (_("Project"), project.name),
        (_("Version"), profile.version_name),
        (_("Environment"), profile.environment),
        (_("Duration"), duration(profile.duration_us)),
        *([(_("Status"), str(profile.status))] if profile.status else []),
        *([(_("Exception"), profile.error_type)] if profile.error_type else []),
        (_("Started"), _told(profile.started_at, zone)),
    ]
    return _ticket(
        f"{profile.method} {profile.endpoint}".strip(),
        [*facts, *_blamed(suspect, whole_us)],
        path=path,
        whole_us=whole_us,
        link=reverse("profiles:detail", args=[profile.pk]),
    )


def of_endpoint(
    project: Project,
    endpoint: EndpointKey,
    *,
    scope: ScopeForm,
    whole: Measured,
    per_minute: float,
    path: Sequence[Row],
    suspect: Suspect | None,
    whole_us: int,
) -> str:
    """All requests of a period. The link names its ends, so that it shows the same tomorrow."""
    span = scope.span
    measured = [duration(us) for us in (whole.p50_us, whole.p95_us, whole.p99_us) if us is not None]
    facts: Facts = [
        (_("Project"), project.name),
        (_("Version"), scope.version_name or _("All versions")),
        (_("Environment"), scope.environment_name or _("All environments")),
        (
            _("Period"),
            " – ".join(clock.in_full(clock.in_zone(at, scope.zone)) for at in (span.start, span.end)),
        ),
        (_("Count"), count(whole.count)),
        (_("Per minute"), rate(per_minute)),
        *([("p50 / p95 / p99", " / ".join(measured))] if measured else []),
        (_("Error rate"), percent_of(whole.errors, whole.count)),
    ]
    query = urlencode([*((name, value) for name, value in endpoint._asdict().items() if value), *scope.fixed])
    return _ticket(
        f"{endpoint.method} {endpoint.route}".strip(),
        [*facts, *_blamed(suspect, whole_us)],
        path=path,
        whole_us=whole_us,
        link=f"{reverse('profiles:endpoint', args=[project.slug])}?{query}",
    )


def _blamed(suspect: Suspect | None, whole_us: int) -> Facts:
    if suspect is None:
        return []
    time, share = duration(suspect.time_us), percent_of(suspect.time_us, whole_us)
    return [(_("Most time in your code"), f"{suspect.name} ({suspect.place}) {time} · {share}")]


def _told(at: datetime, zone: ZoneInfo) -> str:
    return clock.in_full(clock.in_zone(at, zone))


def _ticket(title: str, facts: Facts, *, path: Sequence[Row], whole_us: int, link: str) -> str:
    return Ticket(
        title=title,
        facts=facts,
        # Translators: a label and its value in a line of text. Leave the words in braces.
        pair=_("{label}: {value}"),
        heading=_("Hot path in your code:"),
        steps=[
            Step(row.name, row.place, duration(row.total_us), percent_of(row.total_us, whole_us))
            for row in path
        ],
        link=settings.ENVIRONMENT.public_origin + link,
    ).text()
