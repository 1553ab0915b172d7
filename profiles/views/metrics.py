"""GET /metrics: the platform's own figures for Prometheus."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterator, Mapping

import django
from bson import ObjectId
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from perfplatform import task_queue
from perfplatform.exposition import CONTENT_TYPE, Metric, render
from perfplatform.version import VERSION
from profiles.models import Intake, Ledger
from profiles.tally import Tally
from projects.authentication import CHALLENGE
from projects.models import Project, User

TODAY = "since midnight in UTC, when it starts again from 0"


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever sends METRICS_TOKEN as a bearer token, and for staff who are signed in."""
    if not _has_token(request):
        if not request.user.is_authenticated:
            return HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=401, headers=CHALLENGE)
        if not isinstance(request.user, User) or not request.user.is_staff:
            raise PermissionDenied
    return HttpResponse(render(_collect()), content_type=CONTENT_TYPE)


def _has_token(request: HttpRequest) -> bool:
    expected = settings.ENVIRONMENT.metrics_token
    scheme, _space, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if not expected or scheme.lower() != "bearer":
        return False
    return secrets.compare_digest(sent.strip().encode(errors="replace"), expected.encode())


def _collect() -> Iterator[Metric]:
    """Each from MongoDB or Redis, so that every web process says the same."""
    about = {"version": VERSION, "python": platform.python_version(), "django": django.get_version()}
    yield Metric("perfplatform_build_info", "gauge", "What runs here.", [(about, 1)])
    projects = Project.objects.exclude(status=Project.Status.DELETING).order_by("slug")
    known = list(projects.values_list("pk", "slug", "daily_profiles"))
    yield from _intake({pk: slug for pk, slug, _limit in known}, Intake.objects.since_midnight())
    yield Metric(
        "perfplatform_daily_quota_profiles",
        "gauge",
        "Profiles that a project may send on a day in UTC; projects without a quota are missing.",
        [({"project": slug}, limit) for _pk, slug, limit in known if limit],
    )
    waiting = task_queue.length()
    yield Metric(
        "perfplatform_fold_lag_seconds",
        "gauge",
        "How far metrics and call trees lag behind what has come in.",
        [({}, Ledger.objects.lag(now=timezone.now()).total_seconds())],
    )
    yield Metric(
        "perfplatform_queue_length",
        "gauge",
        "Tasks that wait for a worker.",
        [] if waiting is None else [({"queue": task_queue.DEFAULT_QUEUE}, waiting)],
    )


def _intake(slugs: Mapping[ObjectId, str], tallies: Mapping[ObjectId, Tally]) -> Iterator[Metric]:
    found = [(slugs[pk], tally) for pk, tally in tallies.items() if pk in slugs]
    yield Metric(
        "perfplatform_ingested_items_total",
        "counter",
        f"Items that were acknowledged {TODAY}.",
        [
            ({"project": slug, "kind": kind}, count)
            for slug, tally in found
            for kind, count in (("profile", tally.profiles), ("ledger", tally.ledger))
        ],
    )
    for name, key, text in (
        ("refused", "code", "Items that the platform refused"),
        ("dropped", "reason", "Items that SDKs said they dropped"),
    ):
        yield Metric(
            f"perfplatform_{name}_items_total",
            "counter",
            f"{text} {TODAY}.",
            [
                ({"project": slug, key: code}, count)
                for slug, tally in found
                for code, count in sorted(getattr(tally, name).items())
            ],
        )
