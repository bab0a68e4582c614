"""The OpenAPI document, from the table of operations."""

from typing import Any

import msgspec

from recsys_assets.serving.endpoint import JSON
from recsys_assets.serving.operations import OPERATIONS, Operation, Parameter
from recsys_assets.serving.problems import TITLES, ProblemBody


def openapi_document(version: str, guarded: bool) -> dict[str, Any]:
    """The OpenAPI document.

    Args:
        version: of the service.
        guarded: whether it asks for tokens.
    """
    used = {o.answer for o in OPERATIONS} | {o.body for o in OPERATIONS} | {ProblemBody}
    types = sorted((kind for kind in used if kind is not None), key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        described = _described(operation, guarded)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    components: dict[str, Any] = {"schemas": schemas}
    if guarded:
        components["securitySchemes"] = {
            "entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "recsys_assets",
            "version": version,
            "description": "Recommendations when they are asked for. Every error is a JSON "
            "problem (RFC 9457) whose detail says what was wrong.",
        },
        "paths": paths,
        "components": components,
    }


def _described(operation: Operation, guarded: bool) -> dict[str, Any]:
    statuses = set(operation.errors)
    if operation.role is not None:
        statuses |= {429, *({401, 403, 503} if guarded else {503})}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.handler.__name__,
        "parameters": [_parameter(p) for p in operation.parameters],
        "responses": {
            "200": {"description": "The answer.", "content": _content(operation)},
            **{str(status): _problem(status) for status in sorted(statuses)},
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": _ref(operation.body), "example": operation.example}},
        }
    if guarded and operation.role is not None:
        described["security"] = [{"entra": []}]
        described["description"] = f"Needs the role {operation.role}."
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.inside,
        "required": parameter.inside == "path",
        "description": parameter.about,
        "schema": parameter.schema,
        "example": parameter.example,
    }


def _content(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"text/plain": {"schema": {"type": "string"}}}
    return {JSON: {"schema": _ref(operation.answer)}}


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref(ProblemBody)}}
    return {"description": f"{TITLES[status]}.", "content": content}


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
