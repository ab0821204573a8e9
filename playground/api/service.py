"""What tools and clients ask before anything else: health, version, documents; without a token."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from playground.api.answers import as_json, as_text
from playground.api.endpoint import Content, Endpoint
from playground.model.definitions import JSONObject
from playground.model.errors import PlaygroundError
from playground.operating.readiness import OK, loops, readiness
from tenants.errors import TenantError

log = logging.getLogger(__name__)

# The release of Conductor whose API this is; no client branches on it.
CONDUCTOR_VERSION = "3.30.0"
HEALTH_TIMEOUT_SECONDS = 1.5

# Flags of Conductor's own UI, which loads this script before its bundle.
_CONTEXT_SCRIPT = """window.conductor = {
  "PLAYGROUND": true,
  "SECRETS": true,
  "SCHEDULER": false,
  "RBAC": false,
  "ACCESS_MANAGEMENT": false,
  "TASK_VISIBILITY": "READ",
  "CONDUCTOR_INTEGRATIONS_AI_ENABLED": false
};
"""

_TO_THE_DOCUMENTS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={path}">
<title>API of the playground</title>
</head>
<body><p>The API is described at <a href="{path}">{path}</a>.</p></body>
</html>
"""


async def get_health(request: Request) -> Response:
    """Whether the database answers; unhealthy is 200 too, as Conductor's clients expect."""
    healthy = True
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_SECONDS):
            async with request.state.runtime.reading("health"):
                pass
    except (TimeoutError, OSError, PlaygroundError, TenantError):
        log.warning("the database does not answer", exc_info=True)
        healthy = False
    return as_json({"healthy": healthy, "healthResults": [], "suppressedHealthResults": []})


async def get_api_health(request: Request) -> Response:
    """The same, where Go's client looks for it."""
    return await get_health(request)


async def get_liveness(request: Request) -> Response:
    """Whether this process is worth keeping. Asks nobody."""
    alive = loops(request.state.runtime) == OK
    return _state("alive" if alive else "hanging", well=alive)


async def get_readiness(request: Request) -> Response:
    """Whether this process can do its work: ready, degraded (slower, or without scripts), unready.

    What is wrong is told on the operator's port, not here.
    """
    rt = request.state.runtime
    found = await readiness(rt)
    if rt.wakeups.leaving:
        return _state("leaving", well=False)
    return _state(found.status, well=found.is_ready)


def _state(status: str, *, well: bool) -> Response:
    response = as_json({"status": status})
    response.status_code = 200 if well else 503
    return response


async def get_version(request: Request) -> Response:
    """The version of Conductor's API."""
    return as_text(CONDUCTOR_VERSION)


async def get_context_script(request: Request) -> Response:
    """What Conductor's own UI asks for first."""
    return Response(
        _CONTEXT_SCRIPT,
        headers={
            "Content-Type": "application/javascript",
            "Cache-Control": "no-cache, no-store, must-revalidate",
        },
    )


async def get_api_docs(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(request.state.api_document, media_type="application/json")


async def get_spring_api_docs(request: Request) -> Response:
    """The same, where springdoc has it."""
    return await get_api_docs(request)


async def get_swagger_page(request: Request) -> Response:
    """A page that leads to the one with the documents: clients may not follow redirects."""
    path = request.scope.get("root_path", "") + "/api-docs"
    return HTMLResponse(_TO_THE_DOCUMENTS.format(path=path))


async def get_swagger_index(request: Request) -> Response:
    """The same, where springdoc has it."""
    return await get_swagger_page(request)


_SWAGGER_ROWS = tuple(
    Endpoint(
        method="GET",
        path=path,
        handler=handler,
        scope=None,
        summary="The way to the page about this API",
        answers={200: Content.PAGE},
    )
    for path, handler in (
        ("/swagger-ui", get_swagger_page),
        ("/swagger-ui/index.html", get_swagger_index),
    )
)

ENDPOINTS = (
    *_SWAGGER_ROWS,
    Endpoint(
        method="GET",
        path="/health",
        handler=get_health,
        scope=None,
        summary="Health of the service",
        answers={200: JSONObject},
    ),
    Endpoint(
        method="GET",
        path="/api/health",
        handler=get_api_health,
        scope=None,
        summary="Health of the service",
        answers={200: JSONObject},
    ),
    Endpoint(
        method="GET",
        path="/health/live",
        handler=get_liveness,
        scope=None,
        summary="Whether this process is alive",
        answers={200: JSONObject, 503: JSONObject},
    ),
    Endpoint(
        method="GET",
        path="/health/ready",
        handler=get_readiness,
        scope=None,
        summary="Whether this process is ready for requests",
        answers={200: JSONObject, 503: JSONObject},
    ),
    Endpoint(
        method="GET",
        path="/api/version",
        handler=get_version,
        scope=None,
        summary="Version of the API",
        answers={200: Content.TEXT},
    ),
    Endpoint(
        method="GET",
        path="/context.js",
        handler=get_context_script,
        scope=None,
        summary="Flags for Conductor's own UI",
        answers={200: Content.SCRIPT},
    ),
    Endpoint(
        method="GET",
        path="/api-docs",
        handler=get_api_docs,
        scope=None,
        summary="This document",
        answers={200: JSONObject},
    ),
    Endpoint(
        method="GET",
        path="/v3/api-docs",
        handler=get_spring_api_docs,
        scope=None,
        summary="This document",
        answers={200: JSONObject},
    ),
)
