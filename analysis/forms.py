"""What is decided about a finding."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from analysis.detectors import BY_NAME
from analysis.identity import Identity, InvalidId
from analysis.models import Decision


class DecisionForm(forms.Form):
    """`id` says which finding; a fix names the version that has it."""

    id = forms.CharField(widget=forms.HiddenInput)
    next = forms.CharField(required=False, widget=forms.HiddenInput)
    status = forms.ChoiceField(
        label=_("Status"),
        choices=Decision.Status.choices,
        error_messages={"invalid_choice": _("Choose one of the statuses.")},
    )
    fixed_in = forms.CharField(label=_("Fixed in version"), required=False, max_length=128)

    def clean_id(self) -> Identity:
        try:
            identity = Identity.read(self.cleaned_data["id"])
        except InvalidId:
            raise forms.ValidationError(_("There is no such finding.")) from None
        if identity.detector not in BY_NAME:
            raise forms.ValidationError(_("There is no such finding."))
        return identity

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if said.get("status") == Decision.Status.FIXED and not said.get("fixed_in"):
            self.add_error("fixed_in", _("Name the version that has the fix."))
        if said.get("status") != Decision.Status.FIXED:
            said["fixed_in"] = ""
        return said
