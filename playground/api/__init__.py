"""Conductor's REST API: one route table and the ASGI app that serves it.

A request is routed first; then whoever calls is authenticated and their scope compared; then the
handler reads the body, awaits one engine function or query, and answers. Errors of any layer are
answered in Conductor's shape. Service endpoints outside `/api` (health, documents) are in the
table too, with their full paths.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from playground import problems
from playground.api import (
    applications,
    environment,
    events,
    human_tasks,
    payload_storage,
    queues,
    saved_searches,
    schedules,
    schemas,
    secrets,
    service,
    shares,
    stand_ins,
    tags,
    task_definitions,
    task_search,
    tasks,
    token,
    understanding,
    usage,
    webhooks,
    workflow,
    workflow_bulk,
    workflow_control,
    workflow_definitions,
    workflow_messages,
    workflow_runs,
    workflow_search,
    workflow_test,
)
from playground.api.cross_origin import CrossOrigin
from playground.api.endpoint import Endpoint
from playground.api.openapi import api_document
from playground.api.router import Match, Router, split_path
from playground.model.errors import Invalid, NotFound
from tenants import scopes
from tenants.asgi import ApiAuthentication
from tenants.caller import Caller
from tenants.rate_limits import Limiter
from tenants.tokens import Tokens

ENDPOINTS: tuple[Endpoint, ...] = (
    *service.ENDPOINTS,
    *token.ENDPOINTS,
    *workflow_definitions.ENDPOINTS,
    *task_definitions.ENDPOINTS,
    *workflow.ENDPOINTS,
    *workflow_bulk.ENDPOINTS,
    *workflow_control.ENDPOINTS,
    *workflow_runs.ENDPOINTS,
    *workflow_test.ENDPOINTS,
    *workflow_search.ENDPOINTS,
    *tasks.ENDPOINTS,
    *task_search.ENDPOINTS,
    *saved_searches.ENDPOINTS,
    *shares.ENDPOINTS,
    *queues.ENDPOINTS,
    *payload_storage.ENDPOINTS,
    *tags.ENDPOINTS,
    *schemas.ENDPOINTS,
    *secrets.ENDPOINTS,
    *environment.ENDPOINTS,
    *applications.ENDPOINTS,
    *human_tasks.ENDPOINTS,
    *events.ENDPOINTS,
    *schedules.ENDPOINTS,
    *workflow_messages.ENDPOINTS,
    *stand_ins.ENDPOINTS,
    *usage.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *understanding.ENDPOINTS,
)
_NOTHING = (b"[]", b"{}")
_OUTSIDE = frozenset(endpoint.segments for endpoint in ENDPOINTS if endpoint.segments[0] != "api")


def create_api(
    *,
    tokens: Tokens,
    limiter: Limiter,
    anonymous: Callable[[], Awaitable[Caller]] | None = None,
    version: str = "0",
    origins: Collection[str] = (),
) -> ASGIApp:
    """The API as an ASGI app for the whole paths; the lifespan's state must hold `runtime`.

    `origins` are the sites whose pages may call it from a browser.
    """

    def protect(app: ASGIApp) -> ASGIApp:
        return ApiAuthentication(
            app, tokens=tokens, limiter=limiter, open_paths=(), anonymous=anonymous
        )

    app = Api(ENDPOINTS, protect=protect, tokens=tokens, limiter=limiter, version=version)
    return CrossOrigin(app, origins=origins)


def serves(scope: Scope) -> bool:
    """Whether a request belongs to the API rather than to the pages.

    Browsers that open `/api-docs` get the page about it, everyone else the document.
    """
    try:
        segments = split_path(_raw_path(scope))
    except Invalid:
        return True
    if segments[:1] == ["api"] or (segments[:1] == ["webhook"] and len(segments) == 2):
        return True
    if tuple(segments) not in _OUTSIDE:
        return False
    return segments != ["api-docs"] or "text/html" not in Headers(scope=scope).get("accept", "")


class Api:
    """Routes, authenticates, runs the handler, and answers whatever went wrong.

    `document` is its OpenAPI document.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        protect: Callable[[ASGIApp], ASGIApp],
        tokens: Tokens,
        limiter: Limiter,
        version: str,
    ) -> None:
        table = tuple(endpoints)
        self._router = Router(table)
        self._protected = protect(_run)
        self.document = api_document(table, version=version)
        self._state = {
            "tokens": tokens,
            "limiter": limiter,
            "api_document": msgspec.json.encode(self.document),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        try:
            await self._serve(scope, receive, send)
        except ClientDisconnect:
            pass
        except Exception as error:  # noqa: BLE001 - the outermost layer answers every error
            await _refuse(error, scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = self._router.find(scope["method"], _raw_path(scope))
        if b"%00" in scope["query_string"]:
            raise Invalid("The query contains a NUL character.")
        scope["endpoint"] = match.endpoint
        scope["path_params"] = match.path_params
        scope.setdefault("state", {}).update(self._state)
        app = _run if match.endpoint.scope is None else self._protected
        await app(scope, receive, send)


async def _run(scope: Scope, receive: Receive, send: Send) -> None:
    """Everything after authentication. Answers its own errors, so that the headers of the layers
    around it (rate limits, caching) are on them too."""
    try:
        response = await _answer(Request(scope, receive))
    except ClientDisconnect:
        return
    except Exception as error:  # noqa: BLE001 - see the class
        await _refuse(error, scope, receive, send)
        return
    await response(scope, receive, send)


async def _answer(request: Request) -> Response:
    endpoint: Endpoint = request.scope["endpoint"]
    if endpoint.scope:
        scopes.require(request.state.caller, endpoint.scope)
    for parameter in endpoint.parameters:
        # All of them, also those that this request would not come to use: no wrong value passes.
        parameter.of(request)
    with_spaces = _plus_as_space(request.path_params)
    if with_spaces == request.path_params:
        return await endpoint.handler(request)
    # Java writes a space in a path as `+`: tried only where the literal name is not there, or
    # nothing is found by it.
    try:
        response = await endpoint.handler(request)
    except NotFound:
        pass
    else:
        tried_both = request.path_params == with_spaces
        if tried_both or request.method != "GET" or bytes(response.body) not in _NOTHING:
            return response
    request.scope["path_params"] = with_spaces
    return await endpoint.handler(request)


def _plus_as_space(path_params: dict[str, str]) -> dict[str, str]:
    return {name: value.replace("+", " ") for name, value in path_params.items()}


def _raw_path(scope: Scope) -> bytes:
    raw_path: bytes | None = scope.get("raw_path")
    return raw_path if raw_path is not None else scope["path"].encode()


def _logged_path(scope: Scope) -> str:
    """The path, except that of a webhook: who knows it may deliver there."""
    path: str = scope["path"]
    before, webhook, _ = path.partition("/webhook/")
    return path if "/metadata" in before or not webhook else f"{before}/webhook/***"


async def _refuse(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    problem = problems.problem_of(error)
    problems.log_refusal(problem, scope["method"], _logged_path(scope))
    scope["state"]["runtime"].measures.refusals[problem.code] += 1
    await problems.json_response(problem)(scope, receive, send)


__all__ = ["ENDPOINTS", "Api", "Match", "create_api", "serves"]
