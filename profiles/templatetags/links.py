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
    """An endpoint in the scope of the page: its profiles, the slowest first."""
    asked = {
        "endpoint": endpoint.route,
        "version": scope.version_name,
        "environment": scope.environment_name or "",
        "order": "slowest",
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('profiles:profiles', args=[project.slug])}?{query}"
