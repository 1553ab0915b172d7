"""What is analysed: a profile, or an endpoint's merged call tree with what its newest profiles counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

from bson import ObjectId

from analysis import detectors
from analysis.evidence import UNKNOWN, Counters, Evidence
from analysis.finding import Finding
from analysis.identity import Identity
from profiles import calltree
from profiles.calltree import CallTree
from profiles.forest import ENGINES, TreeKey
from profiles.merged import prune
from profiles.models import Profile, SessionBlob, TreeBlob
from profiles.queries import Order, ProfileFilters, TooManyToSearch
from profiles.rollup import EndpointKey
from profiles.tree_columns import MOST_NODES
from profiles.trends import Period

# Whose counters stand for those of an endpoint.
PROFILES_COUNTED: Final = 5
PRECISE: Final = ENGINES[1]


@dataclass
class Subject:
    """A call tree and what is known beside it. `version_name` is empty where it is of several."""

    endpoint: EndpointKey
    tree: CallTree
    counters: Counters
    idle_us: int = UNKNOWN
    framework: str = ""
    python: str = ""
    version_name: str = ""
    # The same endpoint as pyinstrument saw it, where `tree` is a sampler's.
    precise: CallTree | None = None

    @classmethod
    def of_profile(cls, profile: Profile) -> Self | None:
        """None where its recording is gone."""
        try:
            tree = calltree.from_session(SessionBlob.objects.session(profile.pk))
        except SessionBlob.DoesNotExist:
            return None
        return cls(
            endpoint=EndpointKey(profile.kind, profile.method, profile.endpoint),
            # Cut as its page cuts it, so that both number nodes alike.
            tree=prune(tree, MOST_NODES),
            counters=Counters.of([(profile.counters, profile.duration_us)]),
            idle_us=max(profile.duration_us - profile.cpu_us, 0) if profile.cpu_us else UNKNOWN,
            framework=profile.framework,
            python=profile.python,
            version_name=profile.version_name,
        )

    @classmethod
    def of_endpoint(
        cls,
        project_id: ObjectId,
        endpoint: EndpointKey,
        *,
        period: Period,
        chosen: dict[str, Any],
        engine: str = "",
        version_name: str = "",
    ) -> Self | None:
        """As its page shows it: of the engine that is asked for, or the first there is. None without samples.

        `chosen` is version and environment as managers take them, `version_name` that version's name. Reads
        the tree of each stretch, and the newest profiles by their index.
        """
        there = TreeBlob.objects.engines(project_id, endpoint, period=period, **chosen)
        if not there:
            return None
        key = TreeKey(*endpoint, engine if engine in there else there[0])
        filters = ProfileFilters(
            endpoint=endpoint.route,
            method=endpoint.method,
            kind=endpoint.kind,
            version=version_name,
            environment=chosen.get("environment") or "",
            since=period.start,
            until=period.end,
        )
        profiles = _newest(project_id, filters)
        return cls(
            endpoint=endpoint,
            tree=TreeBlob.objects.merged(project_id, key, period=period, **chosen),
            counters=Counters.of([(profile.counters, profile.duration_us) for profile in profiles]),
            framework=profiles[0].framework if profiles else "",
            python=profiles[0].python if profiles else "",
            version_name=version_name,
            precise=(
                TreeBlob.objects.merged(project_id, key._replace(engine=PRECISE), period=period, **chosen)
                if not engine and key.engine != PRECISE and PRECISE in there
                else None
            ),
        )

    @cached_property
    def findings(self) -> list[Finding]:
        """The gravest first. What pyinstrument alone sees, as built-in functions, is in no node of `tree`."""
        found = detectors.findings(Evidence(self.tree, self.counters, self.idle_us, self.framework))
        if self.precise is None:
            return found
        known = {Identity.of(finding, self.endpoint) for finding in found}
        seen = detectors.findings(Evidence(self.precise, self.counters, UNKNOWN, self.framework))
        more = [
            replace(finding, node=-1, nodes=(), parameters={**finding.parameters, "engine": PRECISE})
            for finding in seen
            if Identity.of(finding, self.endpoint) not in known
        ]
        return sorted([*found, *more], key=lambda finding: finding.order)


def _newest(project_id: ObjectId, filters: ProfileFilters) -> list[Profile]:
    """With their counters. Empty where the search takes too long: nothing is counted then."""
    try:
        found = Profile.objects.foremost(project_id, filters, order=Order.NEWEST, limit=PROFILES_COUNTED)
    except TooManyToSearch:
        return []
    whole = (Profile.objects.find(profile.pk) for profile in found)
    return [profile for profile in whole if profile is not None]


def project_subjects(
    project_id: ObjectId,
    endpoints: list[EndpointKey],
    *,
    period: Period,
    chosen: dict[str, Any],
    version_name: str,
) -> list[Subject]:
    """Those of the endpoints that were sampled."""
    found = (
        Subject.of_endpoint(project_id, endpoint, period=period, chosen=chosen, version_name=version_name)
        for endpoint in endpoints
    )
    return [subject for subject in found if subject is not None]
