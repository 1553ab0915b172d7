"""What a page's figures are of: a version, an environment and a period, all of which stand in the address.

`?version=1.2&environment=production&period=7d`, or `start=` and `end=` in place of `period`: instants with an
offset, or times on the wall clock of the page's zone. What is missing means all, and the last 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from bson import ObjectId
from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from profiles.forms import ChoiceOrOther
from profiles.grain import LIFETIMES, MINUTE, MOST_POINTS, Grain
from profiles.models import Profile
from profiles.trends import Period
from projects.clock import zone_of
from projects.models import Deploy, Project, Version
from projects.requests import MemberRequest

DEFAULT_PERIOD: Final = "24h"
PERIODS: Final = {
    "1h": (timedelta(hours=1), _("1 h"), _("Last hour")),
    "6h": (timedelta(hours=6), _("6 h"), _("Last 6 hours")),
    "24h": (timedelta(hours=24), _("24 h"), _("Last 24 hours")),
    "7d": (timedelta(days=7), _("7 d"), _("Last 7 days")),
    "30d": (timedelta(days=30), _("30 d"), _("Last 30 days")),
    "90d": (timedelta(days=90), _("90 d"), _("Last 90 days")),
}


class Preset(NamedTuple):
    """A period that ends now, as a link."""

    code: str
    label: Any
    title: Any
    query: str
    is_current: bool


@dataclass(frozen=True)
class Span:
    """From `start` up to `end`, in UTC; `is_live` where it goes on with the clock."""

    start: datetime
    end: datetime
    is_live: bool


class InstantField(forms.Field):
    """A time on the wall clock of the page's zone, or an instant with its offset."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def clean(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise forms.ValidationError(_("Write it as 2026-11-24T09:30.")) from None


class ScopeForm(forms.Form):
    """A bad value is told (`faults`) and counts as missing."""

    version = ChoiceOrOther(label=_("Version"), required=False)
    environment = ChoiceOrOther(label=_("Environment"), required=False)
    period = forms.CharField(label=_("Period"), required=False)
    start = InstantField(label=_("From"), required=False)
    end = InstantField(label=_("Until"), required=False)

    def __init__(
        self,
        data: QueryDict,
        project: Project,
        *,
        zone: ZoneInfo,
        now: datetime,
        kept: Iterable[str] = (),
    ) -> None:
        super().__init__(data)
        self.project_id: ObjectId = project.pk
        self.zone, self.now = zone, now
        # What else stands in the page's address and stays there when another scope is picked.
        self.kept = [(name, str(data[name])) for name in kept if data.get(name)]
        self.version_ids = Version.objects.newest(project.pk)
        environments = {*Profile.objects.environments(project.pk), *Deploy.objects.environments(project.pk)}
        self.environments = sorted(environments)
        self._offer("version", self.version_ids, _("All versions"))
        self._offer("environment", self.environments, _("All environments"))
        self.span = Span(now - PERIODS[DEFAULT_PERIOD][0], now, is_live=True)
        self.full_clean()

    @classmethod
    def of(cls, request: MemberRequest, project: Project, *, kept: Iterable[str] = ()) -> Self:
        """What a page is asked for. Costs four reads, each of one index."""
        zone = zone_of(request.user, project)
        return cls(request.GET, project, zone=zone, now=timezone.now(), kept=kept)

    def _offer(self, name: str, values: Iterable[str], everything: Any) -> None:
        """What the address says stays on offer, even where it is not on the list."""
        offered = [("", everything), *((value, value) for value in values)]
        asked = self.data.get(name, "")
        if asked not in (value for value, _label in offered):
            offered.append((asked, asked))
        self.fields[name].widget = forms.Select(choices=offered)

    def clean_version(self) -> ObjectId | None:
        name: str = self.cleaned_data["version"]
        if not name:
            return None
        found = self.version_ids.get(name) or Version.objects.id_of(self.project_id, name)
        if found is None:
            raise forms.ValidationError(_("There is no version of this name."))
        return found

    def clean_environment(self) -> str | None:
        name: str = self.cleaned_data["environment"]
        if name and name not in self.environments:
            raise forms.ValidationError(_("Nothing has come from this environment."))
        return name or None

    def clean_period(self) -> str:
        code: str = self.cleaned_data["period"]
        if code and code not in PERIODS:
            told = {"periods": ", ".join(PERIODS)}
            raise forms.ValidationError(_("Take one of %(periods)s."), params=told)
        return code or DEFAULT_PERIOD

    def clean_start(self) -> datetime | None:
        return self._instant("start")

    def clean_end(self) -> datetime | None:
        return self._instant("end")

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        length = PERIODS[said.get("period") or DEFAULT_PERIOD][0]
        start, end = said.get("start"), said.get("end") or self.now
        if start is None:
            if said.get("end"):
                self.add_error("start", _("Say when it begins, too."))
            start, end = self.now - length, self.now
        elif "end" in self.errors:
            start, end = self.now - length, self.now
        elif end - start < MINUTE:
            self.add_error("end", _("It must be a minute after the beginning, at least."))
            start, end = self.now - length, self.now
        self.span = Span(start, min(end, self.now), is_live=end >= self.now)
        return said

    def _instant(self, name: str) -> datetime | None:
        at: datetime | None = self.cleaned_data[name]
        if at is None:
            return None
        try:
            at = (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)
        except (OverflowError, ValueError):
            raise forms.ValidationError(_("Write it as 2026-11-24T09:30.")) from None
        if name == "start" and at > self.now - MINUTE:
            raise forms.ValidationError(_("It must lie in the past."))
        if at < self.now - LIFETIMES[Grain.DAY]:
            raise forms.ValidationError(_("Figures are kept for two years."))
        return at

    @property
    def version_id(self) -> ObjectId | None:
        return self.cleaned_data.get("version")

    @property
    def version_name(self) -> str:
        """Empty for all."""
        return self.data.get("version", "") if self.version_id else ""

    @property
    def source_version_id(self) -> ObjectId | None:
        """Whose source functions are shown with: the version picked, else the one heard of last."""
        return self.version_id or next(iter(self.version_ids.values()), None)

    @property
    def environment_name(self) -> str | None:
        return self.cleaned_data.get("environment")

    @property
    def chosen(self) -> dict[str, Any]:
        """`version_id` and `environment` for the managers' questions; None is all of them."""
        return {"version_id": self.version_id, "environment": self.environment_name}

    @property
    def is_custom(self) -> bool:
        """Whether the period has a beginning of its own."""
        return self.cleaned_data.get("start") is not None and not {"start", "end"} & set(self.errors)

    def asked_period(self, most: int = MOST_POINTS) -> Period:
        """The period as it is measured, in at most so many stretches; it may begin a little earlier."""
        return Period.of(self.span.start, self.span.end, now=self.now, zone=self.zone, most=most)

    @property
    def faults(self) -> list[tuple[Any, str]]:
        """What could not be read, as (label of the field, what is wrong)."""
        return [(self.fields[name].label, str(errors[0])) for name, errors in self.errors.items()]

    @property
    def presets(self) -> Iterator[Preset]:
        current = "" if self.is_custom else self.cleaned_data.get("period", DEFAULT_PERIOD)
        for code, (_length, label, title) in PERIODS.items():
            yield Preset(code, label, title, self.query(period=code), is_current=code == current)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What the form of version and environment sends along."""
        return [*self._period(), *self.kept]

    @property
    def hidden_of_search(self) -> list[tuple[str, str]]:
        """What the form of a search within the scope sends along."""
        kept = [(name, value) for name, value in self.kept if name != "search"]
        return [*self._pickers(), *self._period(), *kept]

    @property
    def hidden_of_custom(self) -> list[tuple[str, str]]:
        """What the form of a period of one's own sends along."""
        return [*self._pickers(), *self.kept]

    @property
    def start_value(self) -> str:
        """For a field of the page's wall clock: what was written, or what the page shows."""
        return self._written("start", self.span.start)

    @property
    def end_value(self) -> str:
        return self._written("end", self.span.end)

    def query(self, **changes: str) -> str:
        """`?…` of the same page and scope with changes; a change of the period replaces start and end."""
        period = [] if "period" in changes else self._period()
        return _query({**dict(self._pickers()), **dict(period), **dict(self.kept), **changes})

    @property
    def address(self) -> str:
        """`?…` of the page as it is."""
        return self.query()

    @property
    def api(self) -> list[tuple[str, str]]:
        """The parameters of the REST API that ask for the same; the default period must not be left out."""
        return [*self._pickers(), *self._period()]

    @property
    def fixed(self) -> list[tuple[str, str]]:
        """What stands in an address that shows the same period whenever it is opened."""
        return [*self._pickers(), ("start", _utc(self.span.start)), ("end", _utc(self.span.end))]

    @property
    def elsewhere(self) -> str:
        """`?…` of the scope alone, for links to other pages."""
        return _query({**dict(self._pickers()), **dict(self._period())})

    def _pickers(self) -> list[tuple[str, str]]:
        pickers = (("version", self.version_name), ("environment", self.environment_name or ""))
        return [(name, value) for name, value in pickers if value]

    def _period(self) -> list[tuple[str, str]]:
        if not self.is_custom:
            return [("period", self.cleaned_data.get("period", DEFAULT_PERIOD))]
        ends = [] if self.span.is_live else [("end", _utc(self.span.end))]
        return [("start", _utc(self.span.start)), *ends]

    def _written(self, name: str, shown: datetime) -> str:
        if name in self.errors:
            return str(self.data.get(name, ""))
        at = self.cleaned_data.get(name) or shown
        return f"{at.astimezone(self.zone):%Y-%m-%dT%H:%M}"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _query(chosen: dict[str, str]) -> str:
    """Without what is empty or as usual."""
    usual = {"period": DEFAULT_PERIOD}
    text = urlencode({name: value for name, value in chosen.items() if value and usual.get(name) != value})
    return f"?{text}" if text else ""
