"""Which versions a page compares: `?base=1.0&head=1.1&environment=production`, and `base_environment=`.

What is missing is the newest version, and the one that was deployed before it in the same environment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from profiles.forms import ChoiceOrOther
from profiles.scope_form import ScopeForm
from profiles.sides import Subject, usual_of
from projects.models import Project, Version


class CompareForm(forms.Form):
    """A bad name is told (`faults`) and counts as missing. `scope` has the period and head's environment."""

    base = ChoiceOrOther(label=_("Version before"), required=False)
    head = ChoiceOrOther(label=_("Version to judge"), required=False)
    environment = ChoiceOrOther(label=_("Environment"), required=False)
    base_environment = ChoiceOrOther(label=_("Environment of the version before"), required=False)

    def __init__(self, data: QueryDict, project: Project, scope: ScopeForm) -> None:
        self.scope = scope
        self.faults: list[tuple[Any, str]] = []
        said = {name: data.get(name, "") for name in ("base", "head", "base_environment")}
        ids = {name: self._id_of(project, name, said[name]) for name in ("base", "head")}
        usual = usual_of(project.pk, head=ids["head"], environment=scope.environment_name)
        versions = {
            version.pk: version
            for version in Version.objects.filter(pk__in=[*filter(None, (*ids.values(), *usual[:2]))])
        }
        self.head_version = versions.get(ids["head"] or usual.head)
        self.base_version = versions.get(ids["base"] or usual.base)
        self.environment_name = scope.environment_name or usual.environment
        self.base_environment_name = said["base_environment"] or self.environment_name
        super().__init__(
            {
                "base": self.base_version.name if self.base_version else "",
                "head": self.head_version.name if self.head_version else "",
                "environment": self.environment_name or "",
                "base_environment": said["base_environment"],
            }
        )
        for name in ("base", "head"):
            self._offer(name, scope.version_ids)
        self._offer("environment", scope.environments)
        self._offer("base_environment", scope.environments, first=[("", _("the same environment"))])

    def _id_of(self, project: Project, name: str, version: str) -> Any:
        found = self.scope.version_ids.get(version) or (
            Version.objects.id_of(project.pk, version) if version else None
        )
        if version and found is None:
            self.faults.append((self.base_fields[name].label, str(_("There is no version of this name."))))
        return found

    def _offer(self, name: str, values: Iterable[str], first: Iterable[tuple[str, Any]] = ()) -> None:
        """What is chosen stays on offer, even where it is not on the list."""
        offered = [*first, *((value, value) for value in values)]
        chosen = self.data[name]
        if chosen not in (value for value, _label in offered):
            offered.insert(0, (chosen, chosen or "–"))
        self.fields[name].widget = forms.Select(choices=offered)

    @property
    def subjects(self) -> tuple[Subject, Subject] | None:
        """Both sides; None where there are no two versions yet."""
        if self.base_version is None or self.head_version is None:
            return None
        return (
            self._subject(self.base_version, self.base_environment_name),
            self._subject(self.head_version, self.environment_name),
        )

    @property
    def chosen(self) -> dict[str, str]:
        """What stands in an address that asks for the same versions."""
        names = ("base", "head", "environment", "base_environment")
        return {name: self.data[name] for name in names if self.data[name]}

    def _subject(self, version: Version, environment: str | None) -> Subject:
        scope = self.scope
        return Subject.of(
            version,
            environment,
            start=scope.span.start,
            end=scope.span.end,
            now=scope.now,
            zone=scope.zone,
            moves=not scope.is_custom,
        )
