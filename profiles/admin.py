"""Django admin: a look at what came in. Nothing here is made or changed by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils.functional import cached_property

from perfplatform import mongo
from profiles.models import Ledger, Profile
from projects.admin import MongoAdmin

NEWEST_ROWS = 1_000


class Newest(Paginator):  # type: ignore[type-arg]
    """The newest rows only: counting all of a large collection takes seconds."""

    @cached_property
    def count(self) -> int:
        rows = mongo.collection(self.object_list.model)  # type: ignore[union-attr]
        return min(NEWEST_ROWS, rows.estimated_document_count())
