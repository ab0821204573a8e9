"""Stand-in workers: `/api/playground/stand-ins`, the playground's own.

While a stand-in is switched on it works on tasks of its type that no other worker polls for.
"""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json
from playground.api.bodies import read
from playground.api.endpoint import Endpoint
from playground.engine import standing_in
from playground.model.errors import Finding, InvalidFields
from playground.model.stand_ins import StandIns, StandInSwitch


async def get_stand_ins(request: Request) -> Response:
    """Every stand-in, and whether it works here."""
    return as_json(await standing_in.stand_ins(request.state.runtime, request.state.caller))


async def switch_stand_ins(request: Request) -> Response:
    """Switch the whole namespace; the switches of the single task types stay as they are."""
    wanted = await read(request, StandInSwitch)
    rt, caller = request.state.runtime, request.state.caller
    await standing_in.switch_all(rt, caller, on=_said(wanted))
    return as_json(await standing_in.stand_ins(rt, caller))


async def switch_stand_in(request: Request) -> Response:
    """Switch one task type."""
    task_type = request.path_params["taskType"]
    wanted = await read(request, StandInSwitch)
    standing_in.check(task_type)
    rt, caller = request.state.runtime, request.state.caller
    await standing_in.switch(rt, caller, task_type, on=_said(wanted))
    return as_json(await standing_in.stand_ins(rt, caller))


def _said(wanted: StandInSwitch) -> bool:
    if wanted.enabled is UNSET:
        raise InvalidFields([Finding("enabled", "true or false is required")])
    return wanted.enabled


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/playground/stand-ins",
        handler=get_stand_ins,
        scope="metadata:read",
        summary="The playground's own workers for the samples' tasks",
        answers={200: StandIns},
    ),
    Endpoint(
        method="PUT",
        path="/api/playground/stand-ins",
        handler=switch_stand_ins,
        scope="metadata:write",
        summary="Switch all stand-in workers on or off",
        body=StandInSwitch,
        answers={200: StandIns},
    ),
    Endpoint(
        method="PUT",
        path="/api/playground/stand-ins/{taskType}",
        handler=switch_stand_in,
        scope="metadata:write",
        summary="Switch the stand-in worker of one task type on or off",
        body=StandInSwitch,
        answers={200: StandIns},
    ),
)
