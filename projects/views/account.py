"""Signing in and out, and what belongs to one user: language, theme, time zone, password, personal tokens."""

from __future__ import annotations

import math
from typing import Any

from bson import ObjectId
from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from projects import throttling
from projects.clock import zone_of
from projects.forms import PreferencesForm, TokenForm
from projects.models import Token, User
from projects.requests import SignedInRequest

THEME_COOKIE = "perfplatform_theme"
THEMES = ("auto", "light", "dark")


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponseBase:
    target = _next_page(request, default=settings.LOGIN_REDIRECT_URL)
    if request.user.is_authenticated:
        return redirect(target)
    username = request.POST.get("username", "")
    wait_s = throttling.sign_in(request, username) if request.method == "POST" else 0
    if wait_s:
        return _too_many_attempts(request, username, wait_s)
    form = AuthenticationForm(request, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        throttling.signed_in(username)
        user = form.get_user()
        assert isinstance(user, User)  # noqa: S101 - AUTH_USER_MODEL is ours.
        auth.login(request, user)
        response = redirect(target)
        _remember(response, user)
        return response
    return render(request, "projects/login.html", {"form": form, "next": request.GET.get("next", "")})


def _too_many_attempts(request: HttpRequest, username: str, wait_s: int) -> HttpResponse:
    """The page without a look at the password: guessing goes no faster than the limits allow."""
    told = ngettext(
        "There were too many attempts to sign in. Please wait a minute and try again.",
        "There were too many attempts to sign in. Please wait %(count)d minutes and try again.",
        math.ceil(wait_s / 60),
    ) % {"count": math.ceil(wait_s / 60)}
    context = {
        "form": AuthenticationForm(request, initial={"username": username}),
        "next": request.POST.get("next", ""),
        "problem": told,
    }
    response = render(request, "projects/login.html", context, status=429)
    response["Retry-After"] = str(wait_s)
    return response


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return redirect("login")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedInRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    form = PreferencesForm(request.POST, instance=request.user)
    if not form.is_valid():
        return _page(request, form=form, status=422)
    form.save()
    with override(request.user.language or request.LANGUAGE_CODE):
        messages.success(request, _("Your preferences were saved."))
    response = redirect("projects:account")
    _remember(response, request.user)
    if not request.user.language:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, path=settings.LANGUAGE_COOKIE_PATH)
    return response


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: SignedInRequest) -> HttpResponse:
    form = PasswordChangeForm(request.user, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        # Other sessions of this user end with the old password, this one goes on.
        auth.update_session_auth_hash(request, request.user)
        messages.success(request, _("Your password was changed."))
        return redirect("projects:account")
    return render(request, "projects/password.html", {"form": form})


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """For this browser only: the menu's quick choice, also for people who are not signed in."""
    theme = request.POST.get("theme", "")
    response = redirect(_next_page(request, default=settings.LOGIN_REDIRECT_URL))
    if theme in THEMES:
        _set_cookie(response, THEME_COOKIE, theme)
    return response


@login_required
@require_POST
def create_token(request: SignedInRequest) -> HttpResponse:
    form = TokenForm(request.POST, auto_id="token_%s")
    if not form.is_valid():
        return _page(request, token_form=form, status=422)
    _token, secret = Token.issue(request.user, **form.cleaned_data)
    response = _page(request, secret=secret)
    # A secret must not come back with the browser's back button.
    response["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke_token(request: SignedInRequest, *, token_id: ObjectId) -> HttpResponse:
    token = Token.objects.filter(user=request.user, pk=token_id).first()
    if token is None:
        raise Http404
    token.revoke()
    messages.success(request, _("“%(name)s” was revoked.") % {"name": token.name})
    return redirect(f"{reverse('projects:account')}#tokens")


def _page(request: SignedInRequest, *, status: int = 200, **special: Any) -> HttpResponse:
    context = {
        "zone": zone_of(request.user),
        "form": PreferencesForm(instance=request.user),
        "tokens": Token.objects.filter(user=request.user).order_by("revoked_at", "-created_at"),
        "token_form": TokenForm(auto_id="token_%s"),
        **special,
    }
    return render(request, "projects/account.html", context, status=status)


def _next_page(request: HttpRequest, *, default: str) -> str:
    """Where the request wants to go afterwards, if that is here."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if allowed else resolve_url(default)


def _remember(response: HttpResponseBase, user: User) -> None:
    """Cookies that pages are drawn by before they know the user."""
    _set_cookie(response, THEME_COOKIE, user.theme)
    if user.language:
        _set_cookie(response, settings.LANGUAGE_COOKIE_NAME, user.language)


def _set_cookie(response: HttpResponseBase, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        path=settings.LANGUAGE_COOKIE_PATH,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
