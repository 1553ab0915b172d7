"""Ids in addresses: what is no id at all matches no route."""

from __future__ import annotations

from bson import ObjectId
from django.urls import register_converter


class ObjectIdConverter:
    regex = "[0-9a-f]{24}"

    def to_python(self, value: str) -> ObjectId:
        return ObjectId(value)

    def to_url(self, value: ObjectId | str) -> str:
        return str(value)


register_converter(ObjectIdConverter, "object_id")
