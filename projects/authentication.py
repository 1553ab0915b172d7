"""Which credential may speak to which part of the REST API."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from perfplatform.errors import ApiError, ErrorCode
from projects.credentials import CredentialPrefix, prefix_of
from projects.models import Key, Project, Token

CHALLENGE = {"WWW-Authenticate": "Bearer"}


def secret_of(request: Request) -> str:
    """What the caller sent as `Authorization: Bearer …` or `X-Project-Key`, or an empty string."""
    scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return str(secret).strip()
    return str(request.META.get("HTTP_X_PROJECT_KEY", "")).strip()


def authentication_error() -> ApiError:
    return ApiError(ErrorCode.AUTHENTICATION_ERROR, headers=CHALLENGE)


class CredentialAuthentication(BaseAuthentication):
    """A personal token, or the session of somebody who is signed in to the pages (then with CSRF check)."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        secret = secret_of(request)
        if not secret:
            return SessionAuthentication().authenticate(request)
        prefix = prefix_of(secret)
        if prefix is None:
            raise authentication_error()
        if prefix is not CredentialPrefix.PERSONAL_TOKEN:
            raise wrong_kind(prefix)
        token = Token.objects.valid(secret)
        if token is None or not token.user.is_active:
            raise authentication_error()
        token.touch(timezone.now())
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


class KeyAuthentication(BaseAuthentication):
    """A credential of a project; `request.auth` is the Key, `request.auth.project` its project."""

    prefix: CredentialPrefix

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        secret = secret_of(request)
        if not secret:
            raise authentication_error()
        prefix = prefix_of(secret)
        if prefix is not None and prefix is not self.prefix:
            raise wrong_kind(prefix)
        key = Key.objects.valid(secret) if prefix else None
        if key is None:
            raise ApiError(ErrorCode.INVALID_PROJECT_KEY, headers=CHALLENGE)
        refuse_unless_active(key.project)
        key.touch(timezone.now())
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


class ProjectKeyAuthentication(KeyAuthentication):
    prefix = CredentialPrefix.PROJECT_KEY


class DeployTokenAuthentication(KeyAuthentication):
    prefix = CredentialPrefix.DEPLOY_TOKEN


class MemberOrDeployTokenAuthentication(BaseAuthentication):
    """A deploy token if one was sent, else as for members."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        sent = prefix_of(secret_of(request))
        kind = (
            DeployTokenAuthentication if sent is CredentialPrefix.DEPLOY_TOKEN else CredentialAuthentication
        )
        return kind().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


class MemberOrProjectKeyAuthentication(BaseAuthentication):
    """A project key if one was sent, else as for members."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        sent = prefix_of(secret_of(request))
        kind = ProjectKeyAuthentication if sent is CredentialPrefix.PROJECT_KEY else CredentialAuthentication
        return kind().authenticate(request)

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


def wrong_kind(prefix: CredentialPrefix) -> ApiError:
    text = {
        CredentialPrefix.PROJECT_KEY: _(
            "A project key (ppk_) may only send data. Use a personal token (ppt_) here."
        ),
        CredentialPrefix.DEPLOY_TOKEN: _("A deploy token (ppd_) may only announce and compare versions."),
        CredentialPrefix.PERSONAL_TOKEN: _(
            "A personal token (ppt_) may not send data. Use a project key (ppk_) here."
        ),
    }
    return ApiError(ErrorCode.PERMISSION_ERROR, text[prefix])


def refuse_unless_active(project: Project) -> None:
    if project.status == Project.Status.PAUSED:
        raise ApiError(ErrorCode.PERMISSION_ERROR, _("This project is paused and accepts no data."))
    if project.status == Project.Status.DELETING:
        raise ApiError(ErrorCode.INVALID_PROJECT_KEY, headers=CHALLENGE)
