"""The OpenAPI schema shows what is sent: the envelope around every answer."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema


class EnvelopeSchema(AutoSchema):
    def _get_response_for_code(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        response: dict[str, Any] = super()._get_response_for_code(*arguments, **options)
        for media_type, content in response.get("content", {}).items():
            if media_type == "application/json":
                content["schema"] = {
                    "type": "object",
                    "required": ["code", "msg", "data"],
                    "properties": {
                        "code": {"type": "integer", "example": 0},
                        "msg": {"type": "string", "example": "success"},
                        "data": content.get("schema", {"type": "object"}),
                    },
                }
        return response
