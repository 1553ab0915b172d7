"""Where the source of a project's functions can be read, if its owners said so (projects/source_link.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bson import ObjectId

from profiles.calltree import Function
from projects import source_link
from projects.models import Project, Version
from projects.source_link import Place, Source


@dataclass(frozen=True)
class Sources:
    """The links of one version's functions."""

    source: Source

    @classmethod
    def of(cls, project: Project, version_id: ObjectId | None) -> Self | None:
        """None where the project has no such links. One read by id where it has."""
        if not project.source_link:
            return None
        name, commit = Version.objects.told(version_id) if version_id else ("", "")
        return cls(Source(project.source_link, project.repository, commit, name))

    def link(self, function: Function) -> str | None:
        """None where there is none. Functions of merged trees have no whole path."""
        place = Place(function.short_file, function.file, function.line, function.library)
        return source_link.link(self.source, place)
