"""Forms of the pages: what people may enter, and what they are told when it can't be."""

from __future__ import annotations

import functools
import zoneinfo
from decimal import Decimal
from itertools import groupby
from typing import Any, ClassVar

from django import forms
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from projects import sdk_settings, source_link
from projects.models import LANGUAGES, LARGEST_QUOTA_BYTES, Key, Member, Project, Token, User

BYTES_OF_GB = 10**9
SOURCE_LINK_FAULTS = {
    source_link.Fault.SCHEME: _("Begin with https://, http:// or one of the editors: %(editors)s."),
    source_link.Fault.HOST: _(
        "Write out the host and a slash behind it before the first braces, as in https://git.example/{repo}."
    ),
    source_link.Fault.PLACEHOLDER: _(
        "Only {repo}, {commit}, {version}, {file}, {path} and {line} may stand in braces."
    ),
    source_link.Fault.CHARACTER: _(
        "A link has no spaces, quotation marks or letters of other scripts: write them percent-encoded."
    ),
    source_link.Fault.NO_FILE: _("Put {file} or {path} where the name of the file belongs."),
    source_link.Fault.NO_REPOSITORY: _("The link has {repo}: say which repository that is, or leave it out."),
}
ZoneChoices = list[tuple[str, str | list[tuple[str, str]]]]


def language_choices() -> list[tuple[str, str]]:
    """Each language in its own words, so that everybody finds theirs."""
    return [(code, get_language_info(code)["name_local"]) for code, _name in LANGUAGES]


@functools.cache  # the names come from some 600 files of the machine
def zone_choices() -> ZoneChoices:
    """UTC, then every time zone under its region, for a select with groups."""
    named = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/")
    )
    regions = groupby(named, key=lambda name: name.partition("/")[0])
    return [
        ("UTC", "UTC"),
        *(
            (region, [(name, name.partition("/")[2].replace("_", " ")) for name in names])
            for region, names in regions
        ),
    ]


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]
    """A project as its owner describes it. static/time_zone.js prefills the time zone from the browser."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=language_choices,
        help_text=_("Of what the platform writes for the whole team."),
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=zone_choices,
        help_text=_("Times are shown in it to everybody who has chosen no zone of their own."),
    )

    class Meta:
        model = Project
        fields = ("name", "description", "language", "time_zone")
        labels: ClassVar = {"name": _("Name"), "description": _("Description")}
        help_texts: ClassVar = {"name": _("What your team calls the app, for example Shop or Billing API.")}
        widgets: ClassVar = {"description": forms.Textarea(attrs={"rows": 2})}


class ProjectSettingsForm(ProjectForm):
    """The same, with what only matters once data is there."""

    class Meta(ProjectForm.Meta):
        fields = ("name", "description", "language", "time_zone", "status", "daily_profiles")  # type: ignore[assignment]
        labels: ClassVar = {
            **ProjectForm.Meta.labels,
            "status": _("Status"),
            "daily_profiles": _("Profiles a day"),
        }
        help_texts: ClassVar = {
            **ProjectForm.Meta.help_texts,
            "status": _("A paused project keeps its data and accepts no more."),
            "daily_profiles": _("More are refused until midnight in UTC; counting goes on. 0: no limit."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        status = self.fields["status"]
        assert isinstance(status, forms.TypedChoiceField)  # noqa: S101 - a CharField with choices has no other.
        status.choices = [choice for choice in Project.Status.choices if choice[0] != Project.Status.DELETING]


class RetentionForm(forms.ModelForm):  # type: ignore[type-arg]
    """How long profiles are kept, and how much there may be of them."""

    quota_gb = forms.DecimalField(
        label=_("Storage quota (GB)"),
        help_text=_("The oldest profiles go when more is used. Empty: no quota."),
        required=False,
        min_value=Decimal("0.001"),
        max_value=LARGEST_QUOTA_BYTES // BYTES_OF_GB,
        decimal_places=3,
        widget=forms.NumberInput(attrs={"step": "any"}),
    )

    class Meta:
        model = Project
        fields = ("retention_days", "slowest_kept", "slowest_days")
        labels: ClassVar = {
            "retention_days": _("Days that profiles are kept"),
            "slowest_kept": _("Slowest profiles kept longer"),
            "slowest_days": _("Days that the slowest are kept"),
        }
        help_texts: ClassVar = {
            "retention_days": _("1 to 365. It holds within minutes for what is stored already, too."),
            "slowest_kept": _("Of each endpoint and version, at most 100. 0: none."),
            "slowest_days": _("1 to 365."),
        }

    def __init__(self, data: Any = None, *, instance: Project, auto_id: str = "id_%s") -> None:
        quota_gb = Decimal(instance.storage_quota_bytes) / BYTES_OF_GB
        shown = {"quota_gb": f"{quota_gb.normalize():f}" if quota_gb else ""}
        super().__init__(data, instance=instance, initial=shown, auto_id=auto_id)

    def save(self, commit: bool = True) -> Project:  # noqa: FBT001, FBT002 - Django's own signature
        """Writes what was said and nothing else: others may be changing the rest meanwhile."""
        quota_gb = self.cleaned_data["quota_gb"] or 0
        said = {name: self.cleaned_data[name] for name in self.Meta.fields}
        project: Project = self.instance
        project.keep(**said, storage_quota_bytes=int(quota_gb * BYTES_OF_GB))
        return project


class SourceLinkForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where a function's source can be read."""

    class Meta:
        model = Project
        fields = ("source_link", "repository")
        labels: ClassVar = {"source_link": _("Link"), "repository": _("Repository")}
        help_texts: ClassVar = {
            "source_link": _(
                "For example https://git.example/{repo}/blob/{commit}/{file}#L{line} or "
                "vscode://file/home/me/shop/{file}:{line}. {file} is the path below its entry of sys.path, "
                "{path} the whole path as recorded; {version}, {commit} and {line} are those of the profile. "
                "Empty: no links."
            ),
            "repository": _("What stands for {repo}, for example team/shop."),
        }
        widgets: ClassVar = {
            "source_link": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            "repository": forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        }

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = self.cleaned_data
        template = said.get("source_link")
        fault = source_link.fault(template, said.get("repository", "")) if template else None
        if fault:
            field = "repository" if fault is source_link.Fault.NO_REPOSITORY else "source_link"
            editors = {"editors": ", ".join(f"{scheme}://" for scheme in source_link.EDITOR_SCHEMES)}
            self.add_error(field, forms.ValidationError(SOURCE_LINK_FAULTS[fault], params=editors))
        return said


def measure(name: str, label: Any, help_text: Any) -> forms.FloatField:
    """Seconds, or a share, within its bounds; empty leaves it to the SDK."""
    least, most = sdk_settings.MEASURES[name]
    widget = forms.NumberInput(attrs={"step": "any"})
    return forms.FloatField(
        label=label, help_text=help_text, min_value=least, max_value=most, required=False, widget=widget
    )


def rate(label: Any) -> forms.IntegerField:
    """Profiles a minute of each endpoint in each process; empty leaves it to the SDK."""
    least, most = map(int, sdk_settings.RATE)
    help_text = _("Of each endpoint in each process. Empty: 10.")
    return forms.IntegerField(
        label=label, help_text=help_text, min_value=least, max_value=most, required=False
    )


class PatternsField(forms.CharField):
    """Route patterns, one a line, as a list."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def __init__(self, *, label: Any, help_text: Any) -> None:
        super().__init__(label=label, help_text=help_text, required=False)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        patterns = sdk_settings.pattern_lines(super().clean(value))
        if not sdk_settings.are_within_bounds(patterns):
            told = _("At most %(most)d patterns, each of at most %(longest)d characters.")
            bounds = {"most": sdk_settings.MOST_PATTERNS, "longest": sdk_settings.LONGEST_PATTERN}
            raise forms.ValidationError(told, params=bounds)
        return patterns


class SdkSettingsForm(forms.Form):
    """What the SDKs of a project are told; the names are those of the wire format."""

    enabled = forms.TypedChoiceField(
        label=_("Recording"),
        choices=[("True", _("On")), ("False", _("Off"))],
        coerce=lambda text: text == "True",
        help_text=_("Off: the apps count, time and record nothing, and go on asking whether to begin again."),
    )
    engine = forms.TypedChoiceField(
        label=_("Engine"),
        choices=[
            ("", _("Left to the app")),
            ("auto", _("Automatic")),
            ("sampler", _("Sampler")),
            ("pyinstrument", _("pyinstrument, for development")),
            ("none", _("None: count and time only")),
        ],
        empty_value=None,
        required=False,
    )
    sample_interval = measure("sample_interval", _("Seconds between samples"), _("Empty: 0.01."))
    overhead_budget = measure(
        "overhead_budget", _("Overhead, as a share of one CPU"), _("Empty: 0.02, which is 2 percent.")
    )
    slow_threshold = measure("slow_threshold", _("Seconds from which a request is slow"), _("Empty: 2."))
    keep_per_minute = rate(_("Random profiles a minute"))
    keep_slow_per_minute = rate(_("Slow profiles a minute"))
    keep_error_per_minute = rate(_("Failed profiles a minute"))
    include = PatternsField(
        label=_("Only these routes"),
        help_text=_("One a line, for example /orders/* or GET /orders/*. Empty: all."),
    )
    exclude = PatternsField(
        label=_("Not these routes"), help_text=_("They are not even counted, for example /health*.")
    )


class ProjectKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new project key."""

    class Meta:
        model = Key
        fields = ("name",)
        labels: ClassVar = {"name": _("Name")}
        help_texts: ClassVar = {"name": _("Where it will be used, for example production.")}


class KeyForm(ProjectKeyForm):
    """A new project key or deploy token."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Key.Kind.choices, initial=Key.Kind.INGEST)


class MemberForm(forms.Form):
    """A user who joins a project."""

    username = forms.CharField(
        label=_("Username"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=Member.Role.choices, initial=Member.Role.VIEWER)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise forms.ValidationError(_("There is no user of this name. An administrator can create one."))
        if Member.objects.filter(project=self.project, user=user).exists():
            raise forms.ValidationError(_("This user is a member already."))
        self.cleaned_data["user"] = user
        return username


class DeleteProjectForm(forms.Form):
    """Deleting takes the name of the project, typed by hand."""

    name = forms.CharField(
        label=_("Name of the project"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.project.name:
            raise forms.ValidationError(_("This is not the name of the project."))
        return name


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    """How a user likes the pages."""

    language = forms.ChoiceField(
        label=_("Language"),
        choices=lambda: [("", _("Like the browser")), *language_choices()],
        required=False,
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [("", _("That of the project")), *zone_choices()],
        required=False,
    )

    class Meta:
        model = User
        fields = ("language", "theme", "time_zone")
        labels: ClassVar = {"theme": _("Theme")}


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new personal token."""

    class Meta:
        model = Token
        fields = ("name",)
        labels: ClassVar = {"name": _("Name")}
        help_texts: ClassVar = {"name": _("What will use it, for example my laptop.")}
