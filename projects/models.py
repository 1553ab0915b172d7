"""Who works on what: users, projects, their members, keys, versions and deploys."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from bson import ObjectId
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from perfplatform import mongo
from projects import credentials, sdk_settings, search
from projects.credentials import CredentialPrefix
from projects.deletion import Deletion
from projects.deploys import DeployManager
from projects.source_link import LONGEST_REPOSITORY, LONGEST_TEMPLATE
from projects.versions import VersionManager

LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
RESERVED_SLUGS = {"new"}  # /projects/new/ is a page of its own.
LAST_USED_PRECISION = timedelta(minutes=1)
LARGEST_QUOTA_BYTES = 10**15


@functools.cache
def time_zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def validate_time_zone(name: str) -> None:
    if name not in time_zone_names():
        raise ValidationError(_("%(name)s is not a time zone."), params={"name": name})


class User(AbstractUser):
    """An account, with how its owner likes the pages."""

    language = models.CharField(_("language"), max_length=10, choices=LANGUAGES, blank=True)
    theme = models.CharField(
        _("theme"),
        max_length=10,
        choices=[("auto", _("Like the system")), ("light", _("Light")), ("dark", _("Dark"))],
        default="auto",
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text=_("Empty: the project's."),
    )

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        # Unique indexes of this backend are partial and serve no reads: each has a plain one beside it.
        indexes: ClassVar = [models.Index(fields=["username"], name="user_username_read")]


class ProjectManager(models.Manager["Project"]):
    def visible_to(self, user: Any) -> models.QuerySet[Project]:
        """The projects that `user` may see, by name. A superuser sees all."""
        projects = self.exclude(status=Project.Status.DELETING)
        if not user.is_superuser:
            projects = projects.filter(
                pk__in=list(Member.objects.filter(user=user).values_list("project_id", flat=True))
            )
        return projects.order_by("name")

    def named(
        self, user: Any, wanted: Sequence[str], *, most: int = search.MOST_FOUND
    ) -> list[tuple[str, str]]:
        """Name and slug of the projects that `user` may see with all words in their name, by name.

        Reads the names of projects in their index, which has them in this order.
        """
        query: dict[str, Any] = {
            "$and": [{"name": search.pattern(word)} for word in wanted],
            "status": {"$ne": Project.Status.DELETING.value},
        }
        if not user.is_superuser:
            query["_id"] = {
                "$in": list(Member.objects.filter(user=user).values_list("project_id", flat=True))
            }
        found = mongo.collection(Project).find(
            query,
            {"name": 1, "slug": 1},
            sort=[("name", 1)],
            limit=most,
            hint="project_name_read",
            max_time_ms=search.SEARCH_TIME_MS,
        )
        return [(row["name"], row["slug"]) for row in found]

    def being_deleted(self) -> list[ObjectId]:
        return list(self.filter(status=Project.Status.DELETING).values_list("pk", flat=True))

    def start(self, name: str, *, owner: User, **fields: Any) -> Project:
        """A new project with its first owner. Raises NameTaken."""
        project = Project(name=name, slug=self.free_slug(name), created_by=owner, **fields)
        try:
            project.save(force_insert=True)
        except IntegrityError as error:
            raise NameTaken(name) from error
        Member.objects.create(project=project, user=owner, role=Member.Role.OWNER)
        return project

    def free_slug(self, name: str) -> str:
        """A slug for `name` that no project has; names without Latin letters get a neutral one."""
        base = slugify(name)[:50] or "project"
        taken = {*RESERVED_SLUGS, *self.filter(slug__startswith=base).values_list("slug", flat=True)}
        return next(
            slug
            for number in range(1, len(taken) + 2)
            if (slug := base if number == 1 else f"{base}-{number}") not in taken
        )


class NameTaken(Exception):
    """A project of this name exists already."""


class Project(models.Model):
    """One target app, and how long what is known of it is kept."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        DELETING = "deleting", _("being deleted")

    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("short name in addresses"), max_length=60, unique=True, db_index=False)
    description = models.TextField(_("description"), max_length=2000, blank=True)
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=Status.choices,
        default=Status.ACTIVE,
        help_text=_("A paused project keeps its data and accepts no more."),
    )
    retention_days = models.PositiveIntegerField(
        _("days that profiles are kept"),
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    daily_profiles = models.PositiveIntegerField(
        _("profiles a day"),
        default=1_000_000,
        validators=[MaxValueValidator(100_000_000)],
    )
    slowest_kept = models.PositiveIntegerField(
        _("slowest profiles kept longer"),
        default=10,
        validators=[MaxValueValidator(100)],
        help_text=_("Of each endpoint and version. 0: none."),
    )
    slowest_days = models.PositiveIntegerField(
        _("days that the slowest are kept"),
        default=90,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    storage_quota_bytes = models.PositiveBigIntegerField(
        _("storage quota (bytes)"),
        default=0,
        validators=[MaxValueValidator(LARGEST_QUOTA_BYTES)],
        help_text=_("The oldest profiles go when more is used. 0: no quota."),
    )
    language = models.CharField(_("language"), max_length=10, choices=LANGUAGES, default="en")
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    # A template by projects/source_link.py, and what it says for {repo}.
    source_link = models.CharField(_("link to the source"), max_length=LONGEST_TEMPLATE, blank=True)
    repository = models.CharField(_("repository"), max_length=LONGEST_REPOSITORY, blank=True)
    # Read and written as a whole, within the bounds of sdk_settings.py.
    sdk_settings = models.JSONField(_("settings of the SDK"), default=sdk_settings.unset, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        User,
        verbose_name=_("created by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    objects: ClassVar[ProjectManager] = ProjectManager()

    class Meta:
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        indexes: ClassVar = [
            models.Index(fields=["name"], name="project_name_read"),
            models.Index(fields=["slug"], name="project_slug_read"),
        ]

    def __str__(self) -> str:
        return self.name

    def set_sdk_settings(self, settings: dict[str, Any]) -> None:
        """Replaces what the SDKs of the project are told; they ask within about a minute."""
        type(self).objects.filter(pk=self.pk).update(sdk_settings=settings)
        self.sdk_settings = settings

    def keep(self, **settings: int) -> None:
        """Replaces how long and how much is kept; tasks bring what is stored in line."""
        type(self).objects.filter(pk=self.pk).update(**settings)
        for name, value in settings.items():
            setattr(self, name, value)

    def mark_for_deletion(self, *, by: Any = None) -> None:
        """Hides the project at once and frees its name; each app removes what is its own later.

        `by` may watch how that goes on.
        """
        Deletion.objects.update_or_create(
            pk=str(self.pk), defaults={"name": self.name, "started_by": by, "started_at": timezone.now()}
        )
        marked = f"{self.name[:60]} ({self.pk})"
        type(self).objects.filter(pk=self.pk).update(
            status=self.Status.DELETING, name=marked, slug=f"deleting-{self.pk}"
        )


class RecordingOrderManager(models.Manager["RecordingOrder"]):
    def under_way(self, project: Project) -> list[RecordingOrder]:
        """Those of a project that still hold, the oldest first. One read, served by an index."""
        return sorted(self.filter(project=project, until__gt=timezone.now()), key=lambda order: order.pk)


class RecordingOrder(models.Model):
    """Somebody asked for the next requests of an endpoint: each process keeps so many of them whole."""

    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.CASCADE, related_name="recording_orders"
    )
    method = models.CharField(_("method"), max_length=16, blank=True)
    route = models.CharField(_("route"), max_length=512)
    count = models.PositiveIntegerField(_("number"))
    until = models.DateTimeField(_("until"))
    created_by = models.ForeignKey(
        User, verbose_name=_("created by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects: ClassVar[RecordingOrderManager] = RecordingOrderManager()

    class Meta:
        verbose_name = _("ordered recording")
        verbose_name_plural = _("ordered recordings")
        indexes: ClassVar = [models.Index(fields=["project", "until"], name="recording_order_read")]

    def __str__(self) -> str:
        return f"{self.method} {self.route}".strip()


class Member(models.Model):
    """What a user may do in a project."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        EDITOR = "editor", _("editor")
        VIEWER = "viewer", _("viewer")

    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.CASCADE, related_name="members"
    )
    user = models.ForeignKey(
        User, verbose_name=_("user"), on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "user"], name="member_once")]
        indexes: ClassVar = [models.Index(fields=["project", "user"], name="member_read")]

    def __str__(self) -> str:
        return f"{self.user} {self.role}"

    def is_last_owner(self) -> bool:
        others = Member.objects.filter(project=self.project, role=self.Role.OWNER).exclude(pk=self.pk)
        return self.role == self.Role.OWNER and not others.exists()


Credential = TypeVar("Credential", bound="CredentialModel")


class CredentialManager(models.Manager[Credential]):
    def issue(self, prefix: CredentialPrefix, *, secret: str = "", **fields: Any) -> tuple[Credential, str]:
        """A new credential and its secret, which is nowhere to be read again."""
        secret = secret or credentials.generate(prefix)
        row = self.create(digest=credentials.digest(secret), prefix=credentials.shown(secret), **fields)
        return row, secret

    def valid(self, secret: str) -> Credential | None:
        """The credential of this secret, unless unknown or revoked."""
        return self.filter(digest=credentials.digest(secret), revoked_at=None).first()


class CredentialModel(models.Model):
    """What a key and a token have in common: a digest to find them by, and when they were used."""

    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("begins with"), max_length=credentials.SHOWN_LENGTH, editable=False)
    digest = models.CharField(max_length=64, editable=False, db_index=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def revoke(self) -> None:
        type(self)._default_manager.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())

    def touch(self, now: datetime) -> None:
        """Notes the use, to the minute: one write a minute and process, not one a request."""
        if self.last_used_at is None or now - self.last_used_at >= LAST_USED_PRECISION:
            type(self)._default_manager.filter(pk=self.pk).update(last_used_at=now)
            self.last_used_at = now


class Key(CredentialModel):
    """A project's own credential: its key for sending, or a token for announcing deploys."""

    class Kind(models.TextChoices):
        INGEST = "ingest", _("project key")
        DEPLOY = "deploy", _("deploy token")

    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.CASCADE, related_name="keys"
    )
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind.choices, default=Kind.INGEST, editable=False
    )
    created_by = models.ForeignKey(
        User,
        verbose_name=_("created by"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    objects: ClassVar[CredentialManager[Key]] = CredentialManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("project key")
        verbose_name_plural = _("project keys")

    @classmethod
    def issue(
        cls, project: Project, *, kind: str, name: str, by: Any = None, secret: str = ""
    ) -> tuple[Key, str]:
        prefix = CredentialPrefix.PROJECT_KEY if kind == cls.Kind.INGEST else CredentialPrefix.DEPLOY_TOKEN
        return cls.objects.issue(prefix, secret=secret, project=project, kind=kind, name=name, created_by=by)


class Token(CredentialModel):
    """A user's own credential for the REST API: it carries all of the user's rights."""

    user = models.ForeignKey(User, verbose_name=_("user"), on_delete=models.CASCADE, related_name="tokens")

    objects: ClassVar[CredentialManager[Token]] = CredentialManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("personal token")
        verbose_name_plural = _("personal tokens")

    @classmethod
    def issue(cls, user: User, *, name: str, secret: str = "") -> tuple[Token, str]:
        return cls.objects.issue(CredentialPrefix.PERSONAL_TOKEN, secret=secret, user=user, name=name)


class Version(models.Model):
    """A release of the target app, named by the app itself."""

    class Status(models.TextChoices):
        LIVE = "live", _("live")
        ARCHIVED = "archived", _("archived")

    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.CASCADE, related_name="versions"
    )
    name = models.CharField(_("name"), max_length=128)
    commit = models.CharField(_("commit"), max_length=64, blank=True)
    branch = models.CharField(_("branch"), max_length=255, blank=True)
    author = models.CharField(_("author"), max_length=200, blank=True)
    notes = models.TextField(_("notes"), max_length=10_000, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.LIVE)
    first_seen_at = models.DateTimeField(_("first seen at"), default=timezone.now, editable=False)
    last_seen_at = models.DateTimeField(_("last seen at"), default=timezone.now, editable=False)

    objects: ClassVar[VersionManager] = VersionManager()

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "name"], name="version_once")]
        indexes: ClassVar = [
            models.Index(fields=["project", "name"], name="version_read"),
            models.Index(fields=["project", "-first_seen_at"], name="version_newest"),
            models.Index(fields=["project", "status", "last_seen_at"], name="version_live"),
        ]

    def __str__(self) -> str:
        return self.name


class Deploy(models.Model):
    """A version that reached an environment at a time."""

    class Source(models.TextChoices):
        API = "api", _("announced")
        TRAFFIC = "traffic", _("first traffic")

    project = models.ForeignKey(
        Project, verbose_name=_("project"), on_delete=models.CASCADE, related_name="deploys"
    )
    version = models.ForeignKey(
        Version, verbose_name=_("version"), on_delete=models.CASCADE, related_name="deploys"
    )
    environment = models.CharField(_("environment"), max_length=64)
    at = models.DateTimeField(_("deployed at"), default=timezone.now)
    source = models.CharField(
        _("noticed by"), max_length=10, choices=Source.choices, default=Source.API, editable=False
    )

    objects: ClassVar[DeployManager] = DeployManager()

    class Meta:
        verbose_name = _("deploy")
        verbose_name_plural = _("deploys")
        constraints: ClassVar = [
            # Traffic announces a version in an environment once; people may deploy it again and again.
            models.UniqueConstraint(
                fields=["version", "environment"],
                condition=models.Q(source="traffic"),
                name="deploy_first_traffic",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["project", "-at"], name="deploy_newest")]

    def __str__(self) -> str:
        return f"{self.version} {self.environment}"
