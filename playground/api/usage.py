"""What a namespace did lately and how much of its limits it uses: the playground's own."""

from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.endpoint import Endpoint
from playground.api.parameters import Choice
from playground.model.failures import Failures
from playground.model.usage import Usage, Window
from playground.store import failures, usage

WINDOW = Choice(
    "window", "how far back to look", default=Window.DAY.value, choices=tuple(map(str, Window))
)


async def get_usage(request: Request) -> Response:
    """Runs, failures and durations by workflow and by task, and the meters of the plan."""
    rt, caller = request.state.runtime, request.state.caller
    window = Window(WINDOW.of(request))
    async with rt.reading(caller.namespace) as connection:
        found = await usage.usage(connection, caller.namespace, caller.plan, window, rt.now_ms())
    return as_json(found)


async def get_failures(request: Request) -> Response:
    """What failed by reason, workflow, task and time, each with its newest run."""
    rt, caller = request.state.runtime, request.state.caller
    window = Window(WINDOW.of(request))
    async with rt.reading(caller.namespace) as connection:
        return as_json(await failures.failures(connection, window, rt.now_ms()))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/playground/usage",
        handler=get_usage,
        scope="workflow:read",
        summary="Runs, durations and limits of the last hour, day or week",
        parameters=(WINDOW,),
        answers={200: Usage},
    ),
    Endpoint(
        method="GET",
        path="/api/playground/failures",
        handler=get_failures,
        scope="workflow:read",
        summary="What failed in the last hour, day or week, and why",
        parameters=(WINDOW,),
        answers={200: Failures},
    ),
)
