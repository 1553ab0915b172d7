"""Requests as views get them once access is decided, for the type checker alone: Django makes its own."""

from __future__ import annotations

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from projects.models import Member, User


class SignedInRequest(HttpRequest):
    """Behind `login_required`."""

    user: User
    htmx: HtmxDetails


class MemberRequest(SignedInRequest):
    """Behind `projects.access`: somebody who is in the project, and as what."""

    role: Member.Role
