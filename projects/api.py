"""REST API of projects, keys, members, versions and deploys."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from bson.errors import InvalidId
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from perfplatform.errors import ApiError, ErrorCode
from projects import access
from projects.authentication import MemberOrDeployTokenAuthentication, refuse_unless_active
from projects.models import Deploy, Key, Member, NameTaken, Project, User, Version
from projects.serializers import (
    DeploySerializer,
    IssuedKeySerializer,
    KeySerializer,
    MemberSerializer,
    ProjectSerializer,
    VersionSerializer,
)

ROLE_TOO_LOW = _("Your role in this project does not allow that.")


def object_id(text: str) -> ObjectId:
    """Raises Http404 where `text` is no id."""
    try:
        return ObjectId(text)
    except InvalidId:
        raise Http404 from None


def project_of(request: Request, project_id: str, least: str) -> Project:
    """The project, if the caller may; raises ApiError with 20001 or 10003 otherwise."""
    try:
        return access.project_by_id(request, object_id(project_id), least)
    except Http404:
        raise ApiError(ErrorCode.PROJECT_NOT_FOUND) from None
    except PermissionDenied:
        raise ApiError(ErrorCode.PERMISSION_ERROR, ROLE_TOO_LOW) from None


class ProjectViewSet(viewsets.ModelViewSet[Project]):
    """Projects that the caller is a member of. Creating one makes the caller its owner."""

    serializer_class = ProjectSerializer
    http_method_names = ("get", "post", "put", "delete", "options")
    lookup_url_kwarg = "project_id"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Project.objects.none()
        return Project.objects.visible_to(self.request.user)

    def get_object(self) -> Project:
        least = Member.Role.VIEWER if self.request.method == "GET" else Member.Role.OWNER
        return project_of(self.request, self.kwargs["project_id"], least)

    def perform_create(self, serializer: serializers.BaseSerializer[Project]) -> None:
        try:
            owner: Any = self.request.user
            serializer.instance = Project.objects.start(owner=owner, **serializer.validated_data)
        except NameTaken:
            raise ApiError(ErrorCode.PROJECT_NAME_EXISTS) from None

    def perform_update(self, serializer: serializers.BaseSerializer[Project]) -> None:
        try:
            serializer.save()
        except IntegrityError:
            raise ApiError(ErrorCode.PROJECT_NAME_EXISTS) from None

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.get_object().mark_for_deletion(by=request.user)
        return Response({})


class InProject(viewsets.GenericViewSet[Any]):
    """What lies below `projects/{project_id}/`: reading is for viewers, changing for `editing_role`."""

    editing_role = Member.Role.EDITOR
    lookup_value_regex = "[0-9a-f]{24}"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        least = Member.Role.VIEWER if request.method in ("GET", "HEAD", "OPTIONS") else self.editing_role
        self.project = self.find_project(least)

    def find_project(self, least: Member.Role) -> Project:
        return project_of(self.request, self.kwargs["project_id"], least)

    def get_queryset(self) -> Any:
        model = self.get_serializer_class().Meta.model  # type: ignore[attr-defined]
        if getattr(self, "swagger_fake_view", False):
            return model.objects.none()
        return model.objects.filter(project=self.project).order_by("pk")

    def get_object(self) -> Any:
        found = self.get_queryset().filter(pk=object_id(self.kwargs["pk"])).first()
        if found is None:
            raise Http404
        return found


class KeyViewSet(mixins.ListModelMixin, InProject):
    """Project keys (kind `ingest`) and deploy tokens (kind `deploy`)."""

    serializer_class = KeySerializer
    editing_role = Member.Role.OWNER

    @extend_schema(responses={201: IssuedKeySerializer})
    def create(self, request: Request, project_id: str) -> Response:
        """Makes a key or token. The answer holds its secret, which is shown this once."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key, secret = Key.issue(self.project, by=request.user, **serializer.validated_data)
        return Response({**self.get_serializer(key).data, "secret": secret}, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, project_id: str, pk: str) -> Response:
        self.get_object().revoke()
        return Response({})


class MemberViewSet(mixins.ListModelMixin, InProject):
    """Who works in the project, and as what."""

    serializer_class = MemberSerializer
    editing_role = Member.Role.OWNER

    def create(self, request: Request, project_id: str) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = User.objects.filter(username=serializer.validated_data["username"], is_active=True).first()
        if user is None:
            raise ApiError(ErrorCode.PARAMETER_ERROR, _("username: there is no such user."))
        if Member.objects.filter(project=self.project, user=user).exists():
            raise ApiError(ErrorCode.PARAMETER_ERROR, _("username: this user is a member already."))
        member = Member.objects.create(
            project=self.project, user=user, role=serializer.validated_data["role"]
        )
        return Response(self.get_serializer(member).data, status=status.HTTP_201_CREATED)

    def update(self, request: Request, project_id: str, pk: str) -> Response:
        member = self.get_object()
        serializer = self.get_serializer(member, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        role = serializer.validated_data.get("role", member.role)
        if role != Member.Role.OWNER:
            self.refuse_last_owner(member)
        member.role = role
        member.save(update_fields=["role"])
        return Response(self.get_serializer(member).data)

    def destroy(self, request: Request, project_id: str, pk: str) -> Response:
        member = self.get_object()
        self.refuse_last_owner(member)
        member.delete()
        return Response({})

    @staticmethod
    def refuse_last_owner(member: Member) -> None:
        if member.is_last_owner():
            raise ApiError(
                ErrorCode.PARAMETER_ERROR, _("A project needs an owner: appoint another one first.")
            )


class VersionViewSet(mixins.ListModelMixin, InProject):
    """Versions of the target app, newest first. They are made by the first data that names them."""

    serializer_class = VersionSerializer

    def get_queryset(self) -> Any:
        return super().get_queryset().order_by("-first_seen_at", "-pk")

    def retrieve(self, request: Request, project_id: str, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def update(self, request: Request, project_id: str, pk: str) -> Response:
        serializer = self.get_serializer(self.get_object(), data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)


class DeployViewSet(mixins.ListModelMixin, InProject):
    """Deploys, newest first. A pipeline announces one with the project's deploy token."""

    serializer_class = DeploySerializer
    authentication_classes = (MemberOrDeployTokenAuthentication,)
    permission_classes = ()

    def find_project(self, least: Member.Role) -> Project:
        if not isinstance(self.request.auth, Key):
            if not self.request.user.is_authenticated:
                raise ApiError(ErrorCode.AUTHENTICATION_ERROR)
            return super().find_project(least)
        if str(self.request.auth.project.pk) != self.kwargs["project_id"]:
            raise ApiError(ErrorCode.PROJECT_NOT_FOUND)
        return self.request.auth.project

    def get_queryset(self) -> Any:
        return super().get_queryset().order_by("-at", "-pk")

    def create(self, request: Request, project_id: str) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        refuse_unless_active(self.project)
        said = serializer.validated_data
        version = Version.objects.announce(
            self.project, name=said["version"], commit=said["commit"], branch=said["branch"]
        )
        deploy = Deploy.objects.create(
            project=self.project,
            version=version,
            environment=said["environment"],
            at=said["at"] or timezone.now(),
            source=Deploy.Source.API,
        )
        return Response(self.get_serializer(deploy).data, status=status.HTTP_201_CREATED)
