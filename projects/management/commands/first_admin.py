"""Makes the first administrator."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from projects.models import User


class Command(BaseCommand):
    help = "Makes the first administrator, unless there is one, and prints the password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default=os.environ.get("FIRST_ADMIN_USERNAME", "admin"))

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        existing = User.objects.filter(is_superuser=True).first()
        if existing:
            self.stdout.write(f"There is an administrator already: {existing.username}. Nothing was changed.")
            self.stdout.write(f"A new password is set by: ./manage.py changepassword {existing.username}")
            return
        given = os.environ.get("FIRST_ADMIN_PASSWORD", "")
        password = given or secrets.token_urlsafe(12)
        User.objects.create_superuser(username=username, password=password)
        self.stdout.write(f"Administrator: {username}")
        self.stdout.write(f"Password: {'as given by FIRST_ADMIN_PASSWORD' if given else password}")
