"""`manage.py` of django_app.py."""

from __future__ import annotations

import django_app
from django.core.management import execute_from_command_line

assert django_app.application
execute_from_command_line()
