"""Django's admin in our name."""

from __future__ import annotations

import functools
from datetime import UTC
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects.clock import zone_of


class AdminSite(admin.AdminSite):
    site_header = _("Performance platform administration")
    site_title = _("Performance platform administration")
    index_title = _("Administration")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's own signature
        """Every page of the admin, with its times in the zone of whoever looks."""
        inner = super().admin_view(view, cacheable)

        @functools.wraps(inner)
        def zoned(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            zone = zone_of(request.user) if request.user.is_authenticated else UTC
            with timezone.override(zone):
                response: HttpResponseBase = inner(request, *args, **kwargs)
                # It would be drawn later, in UTC.
                return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return zoned

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One page to sign in, with its limits; the admin's own would be a second one without."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
