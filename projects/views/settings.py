"""A project's settings: general, retention, sampling, keys, members, deletion. Each form has an address."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from projects import sdk_settings
from projects.access import project_member
from projects.clock import zone_of
from projects.forms import (
    DeleteProjectForm,
    KeyForm,
    MemberForm,
    ProjectSettingsForm,
    RetentionForm,
    SdkSettingsForm,
    SourceLinkForm,
)
from projects.models import Key, Member, Project
from projects.requests import MemberRequest


@project_member("viewer")
@require_http_methods(["GET", "HEAD"])
def general(request: MemberRequest, project: Project) -> HttpResponse:
    return _page(request, project)


@project_member("owner")
@require_POST
def change(request: MemberRequest, project: Project) -> HttpResponse:
    name = project.name
    form = ProjectSettingsForm(request.POST, instance=project, auto_id="general_%s")
    if form.is_valid():
        # And nothing else: others may be changing the rest meanwhile.
        form.save(commit=False).save(update_fields=form.Meta.fields)
        messages.success(request, _("The settings were saved."))
        return _back(project, "general")
    # The page around the form keeps the name that is in force.
    project.name = name
    return _page(request, project, general_form=form, status=422)


@project_member("owner")
@require_POST
def change_retention(request: MemberRequest, project: Project) -> HttpResponse:
    form = RetentionForm(request.POST, instance=project, auto_id="retention_%s")
    if not form.is_valid():
        return _page(request, project, retention_form=form, status=422)
    form.save()
    messages.success(request, _("The settings were saved. What is stored already follows within minutes."))
    return _back(project, "retention")


@project_member("owner")
@require_POST
def change_source_link(request: MemberRequest, project: Project) -> HttpResponse:
    form = SourceLinkForm(request.POST, instance=project, auto_id="source_%s")
    if not form.is_valid():
        return _page(request, project, source_form=form, status=422)
    # And nothing else: others may be changing the rest meanwhile.
    form.save(commit=False).save(update_fields=form.Meta.fields)
    messages.success(request, _("The settings were saved."))
    return _back(project, "source")


@project_member("editor")
@require_POST
def change_sampling(request: MemberRequest, project: Project) -> HttpResponse:
    form = SdkSettingsForm(request.POST, auto_id="sampling_%s")
    if not form.is_valid():
        return _page(request, project, sampling_form=form, status=422)
    project.set_sdk_settings(form.cleaned_data)
    messages.success(request, _("The settings were saved. The apps follow within about a minute."))
    return _back(project, "sampling")


@project_member("owner")
@require_POST
def create_key(request: MemberRequest, project: Project) -> HttpResponse:
    form = KeyForm(request.POST, auto_id="key_%s")
    if not form.is_valid():
        return _page(request, project, key_form=form, status=422)
    _key, secret = Key.issue(project, by=request.user, **form.cleaned_data)
    response = _page(request, project, secret=secret)
    # A secret must not come back with the browser's back button.
    response["Cache-Control"] = "no-store"
    return response


@project_member("owner")
@require_POST
def revoke_key(request: MemberRequest, project: Project, *, key_id: ObjectId) -> HttpResponse:
    key = Key.objects.filter(project=project, pk=key_id).first()
    if key is None:
        raise Http404
    key.revoke()
    told = _("“%(name)s” was revoked. What is sent with it from now on is refused.")
    messages.success(request, told % {"name": key.name})
    return _back(project, "keys")


@project_member("owner")
@require_POST
def add_member(request: MemberRequest, project: Project) -> HttpResponse:
    form = MemberForm(request.POST, project=project, auto_id="member_%s")
    if not form.is_valid():
        return _page(request, project, member_form=form, status=422)
    Member.objects.create(project=project, user=form.cleaned_data["user"], role=form.cleaned_data["role"])
    messages.success(request, _("%(username)s is a member now.") % form.cleaned_data)
    return _back(project, "members")


@project_member("owner")
@require_POST
def change_member(request: MemberRequest, project: Project, *, member_id: ObjectId) -> HttpResponse:
    member = _member(project, member_id)
    role = request.POST.get("role", "")
    if role not in Member.Role.values:
        raise Http404
    if role != Member.Role.OWNER and member.is_last_owner():
        return _refuse_last_owner(request, project)
    member.role = role
    member.save(update_fields=["role"])
    messages.success(request, _("The role was changed."))
    return _back(project, "members")


@project_member("owner")
@require_POST
def remove_member(request: MemberRequest, project: Project, *, member_id: ObjectId) -> HttpResponse:
    member = _member(project, member_id)
    if member.is_last_owner():
        return _refuse_last_owner(request, project)
    member.delete()
    messages.success(request, _("The member was removed."))
    if member.user == request.user and not request.user.is_superuser:
        return redirect("projects:list")
    return _back(project, "members")


@project_member("owner")
@require_POST
def delete(request: MemberRequest, project: Project) -> HttpResponse:
    form = DeleteProjectForm(request.POST, project=project, auto_id="delete_%s")
    if not form.is_valid():
        return _page(request, project, delete_form=form, status=422)
    project.mark_for_deletion(by=request.user)
    return redirect("projects:deletion", project.pk)


def _page(request: MemberRequest, project: Project, *, status: int = 200, **special: Any) -> HttpResponse:
    """The whole page; `special` holds the form that was refused, or the secret to show once."""
    # Prefetched, not joined: MongoDB joins before it filters.
    members = Member.objects.filter(project=project).prefetch_related("user")
    context = {
        "project": project,
        "can_edit": request.role == Member.Role.OWNER,
        "can_set_sampling": request.role in (Member.Role.OWNER, Member.Role.EDITOR),
        "zone": zone_of(request.user, project),
        "keys": Key.objects.filter(project=project).order_by("revoked_at", "-created_at"),
        "members": sorted(members, key=lambda member: member.user.username),
        "roles": Member.Role.choices,
        "general_form": ProjectSettingsForm(instance=project, auto_id="general_%s"),
        "retention_form": RetentionForm(instance=project, auto_id="retention_%s"),
        "source_form": SourceLinkForm(instance=project, auto_id="source_%s"),
        "sampling_form": SdkSettingsForm(
            initial=sdk_settings.complete(project.sdk_settings), auto_id="sampling_%s"
        ),
        "key_form": KeyForm(auto_id="key_%s"),
        "member_form": MemberForm(project=project, auto_id="member_%s"),
        "delete_form": DeleteProjectForm(project=project, auto_id="delete_%s"),
        **special,
    }
    return render(request, "projects/settings.html", context, status=status)


def _back(project: Project, section: str) -> HttpResponse:
    return redirect(f"{reverse('projects:settings', args=[project.slug])}#{section}")


def _member(project: Project, member_id: ObjectId) -> Member:
    member = Member.objects.filter(project=project, pk=member_id).first()
    if member is None:
        raise Http404
    return member


def _refuse_last_owner(request: MemberRequest, project: Project) -> HttpResponse:
    messages.error(request, _("A project needs an owner: appoint another one first."))
    return _back(project, "members")
