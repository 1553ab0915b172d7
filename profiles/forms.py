"""The filters above a list of profiles."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile
from profiles.queries import STATUS_ERROR, STATUS_OK, FilterChoices, Order, ProfileFilters

LONGEST_MS: Final = 86_400_000
# Behind "More filters", unless one of them is in use.
MORE: Final = (
    "kind",
    "trigger",
    "host",
    "max_ms",
    "exception",
    "tag",
    "trace_id",
    "since",
    "until",
)
EARLIEST_YEAR, LATEST_YEAR = 2000, 9998


class ChoiceOrOther(forms.ChoiceField):
    """Takes what is not on the list too: an address may name a version whose profiles are gone by now."""

    def valid_value(self, value: Any) -> bool:
        return True


class MomentField(forms.DateTimeField):
    """A time on the wall clock of the page's zone, to the minute or second; the form gives it the zone."""

    def __init__(self, *, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "any"}),
            error_messages={"invalid": _("Write it as 2026-11-24T09:30.")},
        )

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        if moment and not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise forms.ValidationError(_("No profile is of this year."))
        return moment


def milliseconds(label: Any, *, placeholder: str) -> forms.DecimalField:
    attributes = {"inputmode": "decimal", "step": "any", "placeholder": placeholder}
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=0,
        max_value=LONGEST_MS,
        widget=forms.NumberInput(attrs=attributes),
    )


def exact_text(label: Any, *, longest: int, placeholder: str) -> forms.CharField:
    attributes = {"placeholder": placeholder, "autocomplete": "off", "spellcheck": "false"}
    return forms.CharField(
        label=label, required=False, max_length=longest, widget=forms.TextInput(attrs=attributes)
    )


class ProfileFilterForm(forms.Form):
    """What a page's address asks for, and what can be asked for instead. Times are of `zone`."""

    endpoint = ChoiceOrOther(label=_("Endpoint"), required=False)
    version = ChoiceOrOther(label=_("Version"), required=False)
    environment = ChoiceOrOther(label=_("Environment"), required=False)
    status = forms.RegexField(label=_("Status"), regex=r"\A(ok|error|[1-5][0-9]{2})\Z", required=False)
    min_ms = milliseconds(_("At least (ms)"), placeholder="0")
    order = forms.ChoiceField(
        label=_("Order"),
        required=False,
        choices=[("", _("Newest first")), (Order.SLOWEST.value, _("Slowest first"))],
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("Any")), *Profile.Kind.choices])
    trigger = forms.ChoiceField(
        label=_("Kept because"), required=False, choices=[("", _("Any")), *Profile.Trigger.choices]
    )
    host = ChoiceOrOther(label=_("Host"), required=False)
    max_ms = milliseconds(_("At most (ms)"), placeholder="86400000")
    exception = exact_text(_("Exception"), longest=256, placeholder="builtins.ValueError")
    tag = exact_text(_("Tag"), longest=265, placeholder="tenant=acme")
    trace_id = exact_text(_("Trace"), longest=64, placeholder="4bf92f3577b34da6")
    since = MomentField(label=_("From"))
    until = MomentField(label=_("Until"))

    def __init__(self, data: Any, choices: FilterChoices, *, zone: ZoneInfo) -> None:
        super().__init__(data)
        self.zone = zone
        for name, values, everything in (
            ("endpoint", choices.endpoints, _("All endpoints")),
            ("version", choices.versions, _("All versions")),
            ("environment", choices.environments, _("All environments")),
            ("host", choices.hosts, _("All hosts")),
        ):
            self._offer(name, [("", everything), *((value, value) for value in values)])
        self._offer("status", [("", _("Any")), (STATUS_OK, _("Succeeded")), (STATUS_ERROR, _("Failed"))])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        """What the address says stays on offer, even where it is not on the list."""
        asked = self.data.get(name, "")
        if asked not in (value for value, _label in choices):
            choices.append((asked, asked))
        self.fields[name].widget = forms.Select(choices=choices)

    def clean_tag(self) -> str:
        tag: str = self.cleaned_data["tag"]
        if tag and not tag.partition("=")[1]:
            raise forms.ValidationError(_("Write a tag as name=value."))
        return tag

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("since") and said.get("until") and said["since"] >= said["until"]:
            self.add_error("until", _("The end must come after the beginning."))
        shortest, longest = said.get("min_ms"), said.get("max_ms")
        if shortest is not None and longest is not None and shortest > longest:
            self.add_error("max_ms", _("It must not be less than the least."))
        return said

    @property
    def more(self) -> list[Any]:
        """The fields that are seldom needed."""
        return [self[name] for name in MORE]

    @property
    def more_is_in_use(self) -> bool:
        return any(self.data.get(name) for name in MORE)

    @property
    def faults(self) -> list[tuple[Any, str]]:
        """What could not be read, as (label of the field, what is wrong)."""
        return [(self.fields[name].label, str(errors[0])) for name, errors in self.errors.items()]

    def asked_order(self) -> Order:
        self.is_valid()
        return Order(self.cleaned_data.get("order") or Order.NEWEST)

    def filters(self) -> ProfileFilters:
        """What could be read; a field with an error filters nothing."""
        self.is_valid()
        said = self.cleaned_data
        names = ("endpoint", "version", "environment", "status", "kind", "trigger", "host", "exception")
        return ProfileFilters(
            **{name: said.get(name, "") for name in (*names, "tag", "trace_id")},
            min_duration_us=_microseconds(said.get("min_ms")),
            max_duration_us=_microseconds(said.get("max_ms")),
            since=self._moment("since"),
            until=self._moment("until"),
        )

    def _moment(self, name: str) -> datetime | None:
        moment: datetime | None = self.cleaned_data.get(name)
        return moment.replace(tzinfo=self.zone).astimezone(UTC) if moment else None


def _microseconds(milliseconds: Decimal | None) -> int | None:
    return None if milliseconds is None else int(milliseconds * 1000)
