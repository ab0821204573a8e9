"""Pages of other sites that call the API from a browser: CORS, for the origins in the settings.

A token in a header is the only way in, so credentials (cookies) are never allowed. Without an
origin in the settings nothing is answered that a browser would let through.
"""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANY_ORIGIN: Final = "*"
_METHODS: Final = "GET, POST, PUT, DELETE, OPTIONS"
# What Conductor's JavaScript client sends beside the headers that need no permission.
_REQUEST_HEADERS: Final = (
    "X-Authorization, Content-Type, Accept, X-Idempotency-key, X-on-conflict, requestId, "
    "waitUntilTaskRef, waitForSeconds"
)
_REMEMBERED_SECONDS: Final = 600


class CrossOrigin:
    """Answers preflights before anybody is asked for a token, and marks the answers.

    `origins` as browsers write them, such as `https://example.com`; `*` stands for all.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        headers = Headers(scope=scope) if scope["type"] == "http" and self._origins else Headers()
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = origin in self._origins or ANY_ORIGIN in self._origins
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await self._preflight(origin, allowed=allowed)(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                marked = MutableHeaders(scope=message)
                # Also on refusals: a shared cache must not give one origin's answer to another.
                marked.add_vary_header("Origin")
                if allowed:
                    marked["Access-Control-Allow-Origin"] = origin
            await send(message)

        await self._app(scope, receive, send_marked)

    def _preflight(self, origin: str, *, allowed: bool) -> Response:
        headers = {"Vary": "Origin"}
        if allowed:
            headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                "Access-Control-Max-Age": str(_REMEMBERED_SECONDS),
            }
        return Response(status_code=204, headers=headers)
