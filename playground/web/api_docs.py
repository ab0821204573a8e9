"""The API's own description, readable and at work: OpenAPI as pages, or as JSON for programs.

Each operation has a page with a form that sends the real request from the browser, as whoever is
signed in: a script asks here for a token of their session, keeps it in memory alone, and calls the
API with it as any client would. Without a script the page shows the same call as a command.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.web.forms import read_query
from playground.web.pages import json_text, render, site
from tenants.asgi import TOKEN_HEADER, signed_in
from tenants.tokens import Tokens

METHODS = ("get", "post", "put", "patch", "delete")
_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """`choices` are all values there are, () where anything goes."""

    name: str
    place: str
    type: str
    is_required: bool
    description: str
    choices: tuple[str, ...]
    default: str
    example: str

    @property
    def is_number(self) -> bool:
        return self.type == "integer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A member of an object that a body may be."""

    name: str
    type: str
    default: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    media_type: str
    type: str
    is_required: bool
    example: str
    members: tuple[Member, ...]

    @property
    def is_json(self) -> bool:
        return self.media_type == "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    status: str
    description: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    id: str
    group: str
    method: str
    path: str
    summary: str
    description: str
    needs_token: bool
    parameters: tuple[Parameter, ...]
    body: Body | None
    answers: tuple[Answer, ...]

    @property
    def changes(self) -> bool:
        """Whether sending it may change something."""
        return self.method != "GET"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    name: str
    description: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiDocsPage:
    """`wanted` are the words that the operations shown have, "" for all of them."""

    title: str
    version: str
    description: str
    server_url: str
    wanted: str
    total: int
    groups: tuple[Group, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationPage:
    operation: Operation
    command: str
    token_command: str
    may_send: bool


async def show_docs(request: Request) -> Response:
    """The page for browsers; the document itself for whoever does not ask for HTML."""
    if "text/html" not in request.headers.get("Accept", ""):
        return document(request)
    server_url = site(request).public_url + "/api"
    wanted, known = read_query(request).line("q"), _prepared(request).operations
    page = docs_page(site(request).openapi, server_url, wanted, known)
    return await render(request, "api_docs/show.html", page)


async def show_operation(request: Request) -> Response:
    """One operation, with the form that sends it."""
    wanted = request.path_params["operation"]
    found = [one for one in _prepared(request).operations if one.id == wanted]
    if not found:
        raise HTTPException(404)
    may_send = request.state.session is not None or not found[0].needs_token
    page = operation_page(found[0], site(request).public_url, may_send=may_send)
    return await render(request, "api_docs/operation.html", page)


async def give_token(request: Request) -> Response:
    """A token of the session for this page's own script. Only a page of ours can ask for one."""
    session = signed_in(request)
    tokens: Tokens = request.app.state.tokens
    made = tokens.for_session(session)
    left_ms = made.expires_at_ms - request.state.runtime.now_ms()
    return JSONResponse(
        {"token": made.token, "expiresInSeconds": left_ms // 1_000},
        headers={"Cache-Control": "no-store"},
    )


async def show_document(request: Request) -> Response:
    return document(request)


def document(request: Request) -> Response:
    return Response(
        _prepared(request).document,
        media_type="application/json",
        headers={"Vary": "Accept", "Cache-Control": "no-cache"},
    )


@dataclass(frozen=True)
class _Prepared:
    """What never changes while the process lives, and takes long to put together."""

    document: bytes
    operations: tuple[Operation, ...]


def _prepared(request: Request) -> _Prepared:
    state = request.app.state
    if not hasattr(state, "api_docs"):
        openapi = site(request).openapi
        state.api_docs = _Prepared(msgspec.json.encode(openapi), tuple(operations_of(openapi)))
    found: _Prepared = state.api_docs
    return found


def docs_page(
    openapi: Mapping[str, Any],
    server_url: str,
    wanted: str = "",
    operations: Sequence[Operation] = (),
) -> ApiDocsPage:
    """Operations by their first tag, in the order of the document's tags.

    `operations` are those of the document, where they are known already.
    """
    described = {tag["name"]: tag.get("description", "") for tag in openapi.get("tags", [])}
    groups: dict[str, list[Operation]] = {name: [] for name in described}
    every = operations or operations_of(openapi)
    words = wanted.lower().split()
    for operation in every:
        if all(word in _text_of(operation) for word in words):
            groups.setdefault(operation.group, []).append(operation)
    about = openapi.get("info", {})
    return ApiDocsPage(
        title=about.get("title", "API"),
        version=about.get("version", ""),
        description=about.get("description", ""),
        server_url=server_url,
        wanted=wanted,
        total=len(every),
        groups=tuple(
            Group(name=name, description=described.get(name, ""), operations=tuple(operations))
            for name, operations in groups.items()
            if operations
        ),
    )


def _text_of(operation: Operation) -> str:
    return f"{operation.method} {operation.path} {operation.summary}".lower()


def operation_page(operation: Operation, public_url: str, *, may_send: bool) -> OperationPage:
    """The page of one operation; `public_url` is where commands send it."""
    key = '{"keyId": "…", "keySecret": "…"}'
    token_command = (
        f"TOKEN=$(curl -s {public_url}/api/token \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{key}' | jq -r .token)"
    )
    return OperationPage(
        operation=operation,
        command=command_of(operation, public_url),
        token_command=token_command if operation.needs_token else "",
        may_send=may_send,
    )


def command_of(operation: Operation, public_url: str) -> str:
    """The call as a line for a shell, with the examples as values."""
    path, query, headers = operation.path, [], []
    for one in operation.parameters:
        if one.place == "path":
            path = path.replace(f"{{{one.name}}}", quote(one.example, safe="") or f"<{one.name}>")
        elif one.example and one.place == "query":
            query.append((one.name, one.example))
        elif one.example:
            headers.append(f"-H {_shell(f'{one.name}: {one.example}')}")
    url = public_url + path + (f"?{urlencode(query)}" if query else "")
    parts = [f"curl -i -X {operation.method} {_shell(url)}"]
    if operation.needs_token:
        parts.append(f'-H "{TOKEN_HEADER}: $TOKEN"')
    parts += headers
    if operation.body is not None:
        parts.append(f"-H 'Content-Type: {operation.body.media_type}'")
        parts.append(f"-d {_shell(operation.body.example)}")
    return " \\\n  ".join(parts)


def _shell(text: str) -> str:
    quoted = text.replace("'", "'\\''")
    return f"'{quoted}'"


def operations_of(openapi: Mapping[str, Any]) -> list[Operation]:
    """Every operation of a document, in its order."""
    schemas = openapi.get("components", {}).get("schemas", {})
    return [
        _operation(path, method, item, schemas)
        for path, item in openapi.get("paths", {}).items()
        for method in METHODS
        if method in item
    ]


def _operation(
    path: str, method: str, item: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Operation:
    operation = item[method]
    named = "".join(c if c.isalnum() else "-" for c in path).strip("-")
    return Operation(
        id=operation.get("operationId", f"{method}-{named}"),
        group=next(iter(operation.get("tags", ())), "Other"),
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        needs_token=bool(operation.get("security")),
        parameters=tuple(
            _parameter(one)
            for one in [*item.get("parameters", []), *operation.get("parameters", [])]
            if "name" in one
        ),
        body=_body(operation.get("requestBody", {}), schemas),
        answers=tuple(
            _answer(status, answer) for status, answer in operation.get("responses", {}).items()
        ),
    )


def _parameter(parameter: Mapping[str, Any]) -> Parameter:
    schema = parameter.get("schema", {})
    choices = schema.get("enum", ())
    if schema.get("type") == "boolean":
        choices = ("true", "false")
    return Parameter(
        name=parameter["name"],
        place=parameter.get("in", ""),
        type=_type(schema),
        is_required=bool(parameter.get("required", False)),
        description=parameter.get("description", ""),
        choices=tuple(map(str, choices)),
        default=_shown(schema.get("default", "")),
        example=_shown(parameter.get("example", "")),
    )


def _shown(value: Any) -> str:
    """A value as it stands in a URL."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(filter(None, map(_type, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    return str(schema.get("type", ""))


def _body(request_body: Mapping[str, Any], schemas: Mapping[str, Any]) -> Body | None:
    content = request_body.get("content", {})
    if not content:
        return None
    media_type, media = next(iter(content.items()))
    schema = media.get("schema", {})
    example = media.get("example", {})
    return Body(
        media_type=media_type,
        type=_type(schema) or media_type,
        is_required=bool(request_body.get("required", False)),
        example=json_text(example) if media_type == "application/json" else str(example),
        members=_members(schema, schemas),
    )


def _members(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> tuple[Member, ...]:
    """The members of the object that a schema is about, be it one, a list of it, or either."""
    if "$ref" in schema:
        referred = schemas.get(str(schema["$ref"]).removeprefix(_REFERENCE), {})
        return tuple(
            Member(
                name=name,
                type=_type(one),
                default=json.dumps(one["default"]) if "default" in one else "",
            )
            for name, one in referred.get("properties", {}).items()
        )
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return next(filter(None, (_members(one, schemas) for one in inner)), ())


def _answer(status: str, answer: Mapping[str, Any]) -> Answer:
    content: Mapping[str, Any] = answer.get("content", {})
    media_type = next(iter(content), "")
    media: Mapping[str, Any] = content.get(media_type, {})
    kind = _type(media.get("schema", {})) if media_type == "application/json" else media_type
    return Answer(
        status="Any other" if status == "default" else status,
        description=answer.get("description", ""),
        type=kind or (media_type or "no body"),
    )


routes = [
    Route("/api-docs", show_docs),
    Route("/api-docs/openapi.json", show_document),
    Route("/api-docs/token", give_token, methods=["POST"]),
    Route("/api-docs/operations/{operation}", show_operation),
]
