"""Sharing by link: `/api/playground/shares`, which Conductor does not have."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read
from playground.api.endpoint import Content, Endpoint
from playground.engine import shares
from playground.model.definitions import WorkflowDef
from playground.model.shares import Share, SharedContent, ShareRequest


class OpenedShare(Struct, frozen=True, kw_only=True):
    """A share with what is behind it."""

    share: Share
    content: SharedContent


async def get_shares(request: Request) -> Response:
    """What this namespace shares, the newest first."""
    return as_json(await shares.of(request.state.runtime, request.state.caller))


async def post_share(request: Request) -> Response:
    """Share an execution or a definition; the page is at `/s/{id}`."""
    given: ShareRequest = await read(request, ShareRequest)
    return as_json(await shares.share(request.state.runtime, request.state.caller, given))


async def get_share(request: Request) -> Response:
    """What is behind a link, whoever shared it."""
    _, share, content = await shares.open_share(request.state.runtime, request.path_params["id"])
    return as_json(OpenedShare(share=share, content=content))


async def delete_share(request: Request) -> Response:
    """The link leads nowhere any more."""
    await shares.remove(request.state.runtime, request.state.caller, request.path_params["id"])
    return empty()


async def fork_share(request: Request) -> Response:
    """The shared definition as one's own."""
    return as_json(
        await shares.fork(request.state.runtime, request.state.caller, request.path_params["id"])
    )


_ONE = "/api/playground/shares/{id}"

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/playground/shares",
        handler=get_shares,
        scope="workflow:read",
        summary="What this namespace shares by link",
        answers={200: list[Share]},
    ),
    Endpoint(
        method="POST",
        path="/api/playground/shares",
        handler=post_share,
        scope="workflow:run",
        summary="Share a run or a definition by link",
        body=ShareRequest,
        answers={200: Share},
    ),
    Endpoint(
        method="GET",
        path=_ONE,
        handler=get_share,
        scope="metadata:read",
        summary="What is behind a shared link",
        answers={200: OpenedShare},
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        handler=delete_share,
        scope="workflow:run",
        summary="Stop sharing",
        answers={200: Content.EMPTY},
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/fork",
        handler=fork_share,
        scope="metadata:write",
        summary="Make a shared definition one's own",
        answers={200: WorkflowDef},
    ),
)
