"""The OpenAPI 3.1 document, written from the route table and the types of bodies and answers."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from playground.api.endpoint import ANY_CALLER, Content, Endpoint
from playground.api.examples import body_example, parameter_example
from tenants.scopes import SCOPES

_REFERENCE = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "required": ["status", "message"],
    "properties": {
        "status": {"type": "integer", "description": "The HTTP status again"},
        "message": {"type": "string"},
        "error": {"type": "string", "description": "A code for programs"},
        "instance": {"type": "string"},
        "retryable": {"type": "boolean"},
        "validationErrors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {
                    "path": {"type": "string"},
                    "message": {"type": "string"},
                    "invalidValue": {"type": "string"},
                },
            },
        },
    },
}
_DESCRIPTION = """Conductor's REST API, as the playground serves it.

Exchange an access key for a token at `POST /api/token` and send the token in the header
`X-Authorization`. Every error has the same body: `status`, `message`, `error`.
"""


def api_document(
    endpoints: Iterable[Endpoint], *, version: str, root_path: str = ""
) -> dict[str, Any]:
    """The whole document as plain dicts; `root_path` is where the site is hosted."""
    table = sorted(endpoints, key=lambda endpoint: (endpoint.path, endpoint.method))
    types = _document_types(table)
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    # Types such as list[str] are not hashable by value alone, so they are found by their text.
    schema_by_type = {repr(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        operation = _operation(endpoint, schema_by_type)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Playground", "description": _DESCRIPTION, "version": version},
        "servers": [{"url": root_path or "/"}],
        "tags": [{"name": tag} for tag in sorted({_tag(endpoint) for endpoint in table})],
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Authorization"}
            },
        },
    }


def _document_types(table: Sequence[Endpoint]) -> list[Any]:
    kinds = [kind for endpoint in table for kind in (endpoint.body, *endpoint.answers.values())]
    documents = {repr(kind): kind for kind in kinds if kind and not isinstance(kind, Content)}
    return list(documents.values())


def _operation(endpoint: Endpoint, schema_by_type: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "tags": [_tag(endpoint)],
        "parameters": [
            _with_example(one, parameter_example(endpoint, one["name"]))
            for one in (
                *(_path_parameter(name) for name in endpoint.path_names),
                *(parameter.document() for parameter in endpoint.parameters),
            )
        ],
        "responses": {
            str(status): _answer(status, content, schema_by_type)
            for status, content in endpoint.answers.items()
        },
    }
    operation["responses"]["default"] = {
        "description": "Refused",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if endpoint.description or endpoint.scope:
        operation["description"] = "\n\n".join(filter(None, _paragraphs(endpoint)))
    if endpoint.scope:
        operation["x-scope"] = endpoint.scope
    if endpoint.scope is not None:
        operation["security"] = [{"token": []}]
    if endpoint.body is not None:
        content = _content(endpoint.body, schema_by_type)
        operation["requestBody"] = {
            "required": endpoint.body_required,
            "content": {
                kind: _with_example(one, body_example(endpoint)) for kind, one in content.items()
            },
        }
    return operation


def _paragraphs(endpoint: Endpoint) -> tuple[str, str]:
    scope = endpoint.scope
    needed = "" if scope in (None, ANY_CALLER) else f"Needs the scope `{scope}`: "
    return endpoint.description, needed and f"{needed}{SCOPES[str(scope)].description.lower()}."


def _path_parameter(name: str) -> dict[str, Any]:
    kind = {"type": "integer", "minimum": 0} if name == "version" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": kind}


def _with_example(described: dict[str, Any], example: Any) -> dict[str, Any]:
    return described if example is None else described | {"example": example}


def _answer(status: int, content: Any, schema_by_type: dict[str, Any]) -> dict[str, Any]:
    said = "Refused" if status >= 400 else "Nothing to give" if status == 204 else "OK"
    described: dict[str, Any] = {"description": said}
    if content is not Content.EMPTY:
        described["content"] = _content(content, schema_by_type)
    return described


_MEDIA_TYPES = {
    Content.TEXT: "text/plain",
    Content.SCRIPT: "application/javascript",
    Content.PAGE: "text/html",
}


def _content(content: Any, schema_by_type: dict[str, Any]) -> dict[str, Any]:
    if isinstance(content, Content):
        return {_MEDIA_TYPES[content]: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": schema_by_type[repr(content)]}}


def _tag(endpoint: Endpoint) -> str:
    """The resource: the segment after /api, or `service`."""
    segments = endpoint.segments
    return segments[1] if segments[0] == "api" and len(segments) > 2 else _short_tag(segments)


def _short_tag(segments: Sequence[str]) -> str:
    named = segments[0] == "api" and segments[1] in ("workflow", "tasks", "token")
    return segments[1] if named else "service"
