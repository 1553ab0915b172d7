"""Where rows of tables lead to."""

from __future__ import annotations

from urllib.parse import urlencode

from django import template
from django.urls import reverse

from profiles.calltree import Function
from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from profiles.sources import Sources
from projects.models import Project

register = template.Library()


@register.simple_tag
def endpoint_url(project: Project, endpoint: EndpointKey, scope: ScopeForm) -> str:
    """An endpoint's page in the scope of this one."""
    asked = {name: value for name, value in endpoint._asdict().items() if value}
    address = reverse("profiles:endpoint", args=[project.slug])
    return f"{address}?{urlencode(asked)}{scope.elsewhere.replace('?', '&', 1)}"


@register.simple_tag
def source_url(sources: Sources | None, function: Function) -> str:
    """Where a function's source can be read; empty where the project says nothing of that."""
    return (sources.link(function) or "") if sources else ""
