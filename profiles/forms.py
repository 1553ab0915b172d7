"""The filters above a list of profiles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from profiles.queries import STATUS_ERROR, STATUS_OK, FilterChoices, ProfileFilters

LONGEST_MS = 86_400_000


class ChoiceOrOther(forms.ChoiceField):
    """Takes what is not on the list too: an address may name a version whose profiles are gone by now."""

    def valid_value(self, value: Any) -> bool:
        return True


class ProfileFilterForm(forms.Form):
    """What a page's address asks for, and what can be asked for instead."""

    endpoint = ChoiceOrOther(label=_("Endpoint"), required=False)
    version = ChoiceOrOther(label=_("Version"), required=False)
    environment = ChoiceOrOther(label=_("Environment"), required=False)
    status = forms.RegexField(label=_("Status"), regex=r"\A(ok|error|[1-5][0-9]{2})\Z", required=False)
    min_ms = forms.DecimalField(
        label=_("At least (ms)"),
        required=False,
        min_value=0,
        max_value=LONGEST_MS,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any", "placeholder": "0"}),
    )

    def __init__(self, data: Any, choices: FilterChoices) -> None:
        super().__init__(data)
        for name, values, everything in (
            ("endpoint", choices.endpoints, _("All endpoints")),
            ("version", choices.versions, _("All versions")),
            ("environment", choices.environments, _("All environments")),
        ):
            self._offer(name, [("", everything), *((value, value) for value in values)])
        self._offer("status", [("", _("Any")), (STATUS_OK, _("Succeeded")), (STATUS_ERROR, _("Failed"))])

    def _offer(self, name: str, choices: list[tuple[str, Any]]) -> None:
        """What the address says stays on offer, even where it is not on the list."""
        asked = self.data.get(name, "")
        if asked not in (value for value, _label in choices):
            choices.append((asked, asked))
        self.fields[name].widget = forms.Select(choices=choices)

    def filters(self) -> ProfileFilters:
        """What could be read; a field with an error filters nothing."""
        self.is_valid()
        said = self.cleaned_data
        shortest_ms: Decimal | None = said.get("min_ms")
        return ProfileFilters(
            endpoint=said.get("endpoint", ""),
            version=said.get("version", ""),
            environment=said.get("environment", ""),
            status=said.get("status", ""),
            min_duration_us=None if shortest_ms is None else int(shortest_ms * 1000),
        )
