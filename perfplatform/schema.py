"""The OpenAPI schema shows what is sent: the envelope around every answer, and the credentials."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from perfplatform.errors import TABLE

ERROR = {
    "description": "An error: `code` says which (see this API's description), `msg` says it in words.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["code", "msg", "data"],
                "properties": {
                    "code": {"type": "integer", "example": 10001},
                    "msg": {"type": "string"},
                    "data": {"type": "object"},
                },
            }
        }
    },
}


def enveloped(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["code", "msg", "data"],
        "properties": {
            "code": {"type": "integer", "enum": [0]},
            "msg": {"type": "string", "enum": ["success"]},
            "data": schema,
        },
    }


class EnvelopeSchema(AutoSchema):
    def get_operation(self, *arguments: Any, **options: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*arguments, **options)
        if operation is None:
            return None
        responses = operation["responses"]
        for response in responses.values():
            content = response.get("content", {}).get("application/json")
            if content is not None:
                content["schema"] = enveloped(content.get("schema", {"type": "object"}))
        if "204" in responses:
            # Every answer has an envelope, so none is without content.
            del responses["204"]
            responses["200"] = {
                "description": "Done.",
                "content": {"application/json": {"schema": enveloped({"type": "object"})}},
            }
        responses["default"] = ERROR
        return operation


class BearerScheme(OpenApiAuthenticationExtension):
    """What a class of projects.authentication accepts, in words."""

    priority = -1
    kinds = ""

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": self.kinds}


class MemberScheme(BearerScheme):
    target_class = "projects.authentication.CredentialAuthentication"
    name = "personalToken"
    kinds = "A personal token (`ppt_`), made on the account page."


class ProjectKeyScheme(BearerScheme):
    target_class = "projects.authentication.ProjectKeyAuthentication"
    name = "projectKey"
    kinds = "A project key (`ppk_`): it may send data and nothing else."


class MemberOrDeployTokenScheme(BearerScheme):
    target_class = "projects.authentication.MemberOrDeployTokenAuthentication"
    name = "personalOrDeployToken"
    kinds = "A personal token (`ppt_`), or the project's deploy token (`ppd_`)."


class MemberOrProjectKeyScheme(BearerScheme):
    target_class = "projects.authentication.MemberOrProjectKeyAuthentication"
    name = "personalTokenOrProjectKey"
    kinds = "A personal token (`ppt_`), or a project key (`ppk_`)."


def describe_codes(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Writes the code table under the API's description."""
    rows = [f"| {code.value} | {code.name} | {status} | {text} |" for code, (status, text) in TABLE.items()]
    table = "\n".join(["| code | name | HTTP status | meaning |", "|---|---|---|---|", *rows])
    result["info"]["description"] += f"\n\n{table}"
    return result
