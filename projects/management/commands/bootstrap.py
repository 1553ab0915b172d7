"""Everything that ./dev run needs in the database and on disk before it starts the servers."""

from __future__ import annotations

import json
import os
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects import credentials
from projects.models import Key, NameTaken, Project, Token, User

DEMO_NAME = "Flask shop"


class Command(BaseCommand):
    help = "Migrates, builds the SDK, makes the first administrator and the demo project. Can be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true")

    def handle(self, *args: Any, no_demo: bool, **options: Any) -> None:
        call_command("migrate", verbosity=0, stdout=self.stdout)
        call_command("build_sdk", stdout=self.stdout)
        call_command("first_admin", stdout=self.stdout)
        admin = User.objects.filter(is_superuser=True).earliest("date_joined")
        if token := os.environ.get("ADMIN_TOKEN"):
            ensure_token(admin, token)
        project = None if no_demo else ensure_demo(admin, os.environ.get("DEMO_KEY", ""))
        described = {"project_id": str(project.pk), "slug": project.slug} if project else {}
        self.stdout.write(json.dumps(described))


def ensure_token(user: User, secret: str) -> None:
    if not Token.objects.filter(digest=credentials.digest(secret)).exists():
        Token.issue(user, name="./dev run", secret=secret)


def ensure_demo(owner: User, secret: str) -> Project:
    """The demo project, found again by its key; without one, by its name."""
    if not secret:
        raise CommandError("DEMO_KEY is not set: pass the demo's project key, or --no-demo.")
    key = Key.objects.filter(digest=credentials.digest(secret)).first()
    if key:
        return key.project
    try:
        project = Project.objects.start(
            DEMO_NAME, owner=owner, description="The demo that ./dev run brings along."
        )
    except NameTaken:
        project = Project.objects.get(name=DEMO_NAME)
    Key.issue(project, kind=Key.Kind.INGEST, name="demo", by=owner, secret=secret)
    return project
