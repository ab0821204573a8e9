"""Conductor's REST API: one route table and the ASGI app that serves it.

A request is routed first; then whoever calls is authenticated and their scope compared; then the
handler reads the body, awaits one engine function or query, and answers. Errors of any layer are
answered in Conductor's shape. Service endpoints outside `/api` (health, documents) are in the
table too, with their full paths.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from playground import problems
from playground.api import (
    applications,
    definition_checks,
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
from playground.api.parameters import KEPT_QUERY_BYTES, ApiRequest
from playground.api.router import Match, Router, split_path
from playground.connections import EXCHANGE, Exchange
from playground.model.errors import Invalid, NotFound
from playground.root_path import raw_path_in_site
from tenants import scopes
from tenants.asgi import ApiCallers, mark_private
from tenants.caller import Caller
from tenants.rate_limits import Limiter
from tenants.tokens import Tokens

ENDPOINTS: tuple[Endpoint, ...] = (
    *service.ENDPOINTS,
    *token.ENDPOINTS,
    *workflow_definitions.ENDPOINTS,
    *definition_checks.ENDPOINTS,
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
_KEPT_PATHS = 2_048
"""Workers ask for the same few all day; every id makes a path of its own, met once."""
_OUTSIDE = frozenset(endpoint.segments for endpoint in ENDPOINTS if endpoint.segments[0] != "api")


def create_api(
    *,
    tokens: Tokens,
    limiter: Limiter,
    anonymous: Callable[[], Awaitable[Caller]] | None = None,
    version: str = "0",
    origins: Collection[str] = (),
    root_path: str = "",
) -> ASGIApp:
    """The API as an ASGI app for the whole paths; the lifespan's state must hold `runtime`.

    `origins` are the sites whose pages may call it from a browser; `root_path` is where the site
    is hosted, for the document.
    """

    app = Api(
        ENDPOINTS,
        callers=ApiCallers(tokens, limiter, anonymous),
        state={"tokens": tokens, "limiter": limiter},
        version=version,
        root_path=root_path,
    )
    return CrossOrigin(app, origins=origins) if origins else app


def serves(scope: Scope) -> bool:
    """Whether a request belongs to the API rather than to the pages.

    Browsers that open `/api-docs` get the page about it, everyone else the document.
    """
    if raw_path_in_site(scope).startswith(b"/api/"):
        return True
    try:
        segments = split_path(raw_path_in_site(scope))
    except Invalid:
        return True
    if segments[:1] == ["api"] or (segments[:1] == ["webhook"] and len(segments) == 2):
        return True
    if tuple(segments) not in _OUTSIDE:
        return False
    return segments != ["api-docs"] or "text/html" not in Headers(scope=scope).get("accept", "")


class Api:
    """Routes, authenticates, runs the handler, and answers whatever went wrong.

    One function after the other instead of layers around each other: most of what a poll costs
    was their messages. `document` is its OpenAPI document; `state` is what handlers find in
    `request.state` beside the runtime and the caller.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        callers: ApiCallers,
        state: Mapping[str, Any],
        version: str,
        root_path: str = "",
    ) -> None:
        table = tuple(endpoints)
        self._find = lru_cache(maxsize=_KEPT_PATHS)(Router(table).find)
        self._callers = callers
        self.document = api_document(table, version=version, root_path=root_path)
        self._state = {**state, "api_document": msgspec.json.encode(self.document)}
        self._sound: set[tuple[Endpoint, bytes]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        try:
            response = await self._response(scope, receive)
        except ClientDisconnect:
            return
        exchange: Exchange | None = scope.get(EXCHANGE)
        body = getattr(response, "body", None)
        if (
            exchange is None
            or not isinstance(body, bytes)
            or response.background is not None
            or not exchange.answer(response.status_code, response.raw_headers, body)
        ):
            await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response:
        try:
            match = self._find(scope["method"], raw_path_in_site(scope))
            if b"%00" in scope["query_string"]:
                raise Invalid("The query contains a NUL character.")
        except Exception as error:  # noqa: BLE001 - every error is answered
            return _refusal(error, scope)
        endpoint = match.endpoint
        scope["endpoint"] = endpoint
        scope["path_params"] = dict(match.path_params)
        scope.setdefault("state", {}).update(self._state)
        if endpoint.scope is None:
            return await self._answered(endpoint, ApiRequest(scope, receive))
        try:
            met = await self._callers.meet(scope)
        except Exception as error:  # noqa: BLE001 - every error is answered
            return _refusal(error, scope)
        if isinstance(met, Response):
            return met
        scope["state"]["caller"] = met.caller
        response = await self._answered(endpoint, ApiRequest(scope, receive))
        mark_private(response.raw_headers, met.admission)
        return response

    async def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        """What the handler says, or how what it raised is refused."""
        try:
            if endpoint.scope:
                scopes.require(request.scope["state"]["caller"], endpoint.scope)
            if endpoint.parameters:
                self._refuse_unsound(endpoint, request)
            return await _answer(endpoint, request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - every error is answered
            return _refusal(error, request.scope)

    def _refuse_unsound(self, endpoint: Endpoint, request: Request) -> None:
        """Look at all parameters, also those that this request would not come to use.

        Workers send the same few queries all day: what was sound stays so.
        """
        query = request.scope["query_string"]
        known = (endpoint, query)
        if known in self._sound:
            return
        for parameter in endpoint.parameters:
            parameter.of(request)
        if len(query) <= KEPT_QUERY_BYTES and not endpoint.reads_headers:
            if len(self._sound) >= _KEPT_PATHS:
                self._sound.clear()
            self._sound.add(known)


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    if not any("+" in value for value in request.path_params.values()):
        return await endpoint.handler(request)
    with_spaces = _plus_as_space(request.path_params)
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


def _logged_path(scope: Scope) -> str:
    """The path, except that of a webhook: who knows it may deliver there."""
    path: str = scope["path"]
    before, webhook, _ = path.partition("/webhook/")
    return path if "/metadata" in before or not webhook else f"{before}/webhook/***"


def _refusal(error: Exception, scope: Scope) -> Response:
    problem = problems.problem_of(error)
    problems.log_refusal(problem, scope["method"], _logged_path(scope))
    scope["state"]["runtime"].measures.refusals[problem.code] += 1
    return problems.json_response(problem)


__all__ = ["ENDPOINTS", "Api", "Match", "create_api", "serves"]
