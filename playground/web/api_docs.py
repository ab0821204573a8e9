"""The API's own description, readable: OpenAPI as a page, or as JSON for programs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.web.pages import render, site

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    name: str
    place: str
    type: str
    is_required: bool
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    anchor: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    parameters: tuple[Parameter, ...]
    body: str
    """Name or JSON of the body's schema, "" without a body."""
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    name: str
    description: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiDocsPage:
    title: str
    version: str
    description: str
    server_url: str
    groups: tuple[Group, ...]


async def show_docs(request: Request) -> Response:
    """The page for browsers; the document itself for whoever does not ask for HTML."""
    if "text/html" not in request.headers.get("Accept", ""):
        return document(request)
    page = docs_page(site(request).openapi, site(request).public_url + "/api")
    return await render(request, "api_docs/show.html", page)


async def show_document(request: Request) -> Response:
    return document(request)


def document(request: Request) -> Response:
    return JSONResponse(dict(site(request).openapi), headers={"Vary": "Accept"})


def docs_page(openapi: Mapping[str, Any], server_url: str) -> ApiDocsPage:
    """Operations by their first tag, in the order of the document's tags."""
    described = {tag["name"]: tag.get("description", "") for tag in openapi.get("tags", [])}
    groups: dict[str, list[Operation]] = {name: [] for name in described}
    for path, item in openapi.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                tag = next(iter(item[method].get("tags", ())), "Other")
                groups.setdefault(tag, []).append(_operation(path, method, item))
    about = openapi.get("info", {})
    return ApiDocsPage(
        title=about.get("title", "API"),
        version=about.get("version", ""),
        description=about.get("description", ""),
        server_url=server_url,
        groups=tuple(
            Group(name=name, description=described.get(name, ""), operations=tuple(operations))
            for name, operations in groups.items()
            if operations
        ),
    )


def _operation(path: str, method: str, item: Mapping[str, Any]) -> Operation:
    operation = item[method]
    named = "".join(c if c.isalnum() else "-" for c in path).strip("-")
    return Operation(
        anchor=f"{method}-{named}",
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        scope=_scope(operation),
        parameters=tuple(
            _parameter(one)
            for one in [*item.get("parameters", []), *operation.get("parameters", [])]
            if "name" in one
        ),
        body=_body(operation),
        answers=tuple(
            Answer(status=status, description=answer.get("description", ""))
            for status, answer in operation.get("responses", {}).items()
        ),
    )


def _scope(operation: Mapping[str, Any]) -> str:
    if "x-scope" in operation:
        return str(operation["x-scope"])
    scopes = [
        name for one in operation.get("security", []) for names in one.values() for name in names
    ]
    return ", ".join(scopes)


def _parameter(parameter: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=parameter["name"],
        place=parameter.get("in", ""),
        type=_type(parameter.get("schema", {})),
        is_required=bool(parameter.get("required", False)),
        description=parameter.get("description", ""),
    )


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    return str(schema.get("type", ""))


def _body(operation: Mapping[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    media_type, media = next(iter(content.items()))
    schema = media.get("schema", {})
    return _type(schema) or (json.dumps(schema, indent=2) if schema else media_type)


routes = [
    Route("/api-docs", show_docs),
    Route("/api-docs/openapi.json", show_document),
]
