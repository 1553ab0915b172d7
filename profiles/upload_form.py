"""What a person says of an uploaded file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from profiles.models import Profile
from profiles.queries import FilterChoices

# Suggestions beside each field; more would be slow to draw and to read.
MOST_SUGGESTIONS = 200
LONGEST = {"version": 128, "environment": 64, "endpoint": 512, "method": 16}


class UploadForm(forms.Form):
    """A file, and what to file it under; the bounds are those of docs/wire.md."""

    file = forms.FileField(
        label=_("File"),
        widget=forms.ClearableFileInput(attrs={"accept": ".pyisession,.json,application/json"}),
        help_text=_(
            "Saved by pyinstrument 4 or 5: pyinstrument -r session -o app.pyisession app.py, or "
            "profiler.last_session.save(…). At most 32 MB."
        ),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Profile.Kind.choices, initial=Profile.Kind.REQUEST)
    method = forms.CharField(
        label=_("Method"), max_length=LONGEST["method"], required=False, help_text=_("Of a request: GET.")
    )
    endpoint = forms.CharField(
        label=_("Endpoint"),
        max_length=LONGEST["endpoint"],
        help_text=_(
            "The route pattern of a request, for example /orders/<id>, or the name of a task or function."
        ),
    )
    version = forms.CharField(label=_("Version"), max_length=LONGEST["version"])
    environment = forms.CharField(
        label=_("Environment"), max_length=LONGEST["environment"], initial="development"
    )

    def __init__(self, *args: Any, choices: FilterChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggestions = {
            "endpoint": choices.endpoints[:MOST_SUGGESTIONS],
            "version": choices.versions[-MOST_SUGGESTIONS:],
            "environment": choices.environments[:MOST_SUGGESTIONS],
        }
        for name in self.suggestions:
            self.fields[name].widget.attrs |= {"list": f"known-{name}", "autocomplete": "off"}
        self.fields["method"].widget.attrs |= {"autocapitalize": "characters", "placeholder": "GET"}

    def clean_method(self) -> str:
        return str(self.cleaned_data["method"]).upper()
