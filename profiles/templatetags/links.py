"""Where rows of tables lead to."""

from __future__ import annotations

from urllib.parse import urlencode

from django import template
from django.urls import reverse

from profiles.rollup import EndpointKey
from profiles.scope_form import ScopeForm
from projects.models import Project

register = template.Library()


@register.simple_tag
def endpoint_url(project: Project, endpoint: EndpointKey, scope: ScopeForm) -> str:
    """An endpoint's page in the scope of this one."""
    asked = {name: value for name, value in endpoint._asdict().items() if value}
    address = reverse("profiles:endpoint", args=[project.slug])
    return f"{address}?{urlencode(asked)}{scope.elsewhere.replace('?', '&', 1)}"
