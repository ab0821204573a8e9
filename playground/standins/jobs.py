"""An outside job to poll: PENDING for a few looks, then DONE. Kept in this process's memory."""

import re
import secrets
from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import (
    BadParameter,
    answers_400,
    json_answer,
    json_body,
    text_field,
    whole_number,
)

# How many looks find the job still PENDING.
PENDING_LOOKS = {"small": 3, "medium": 6, "large": 10}
MAX_LOOKS = 50
MAX_JOBS = 10_000
_ID = re.compile(r"job-(?P<looks>[0-9]{1,2})-[a-z0-9]{1,40}")

_looks: OrderedDict[str, int] = OrderedDict()


@answers_400
async def start(request: Request) -> Response:
    """`{"dataset": "small"|"medium"|"large"}` or `{"pendingLooks": n}`.

    The number of looks is part of the id, so that a job that was forgotten starts again.
    """
    body = await json_body(request)
    dataset = text_field(body, "dataset", "small")
    if dataset not in PENDING_LOOKS:
        raise BadParameter("dataset", f"one of {', '.join(PENDING_LOOKS)} is expected")
    looks = whole_number(
        body.get("pendingLooks", PENDING_LOOKS[dataset]), "pendingLooks", 0, MAX_LOOKS
    )
    job_id = f"job-{looks}-{secrets.token_hex(8)}"
    return json_answer({"id": job_id, "dataset": dataset, "state": "PENDING"}, status=202)


@answers_400
async def show(request: Request) -> Response:
    """Each look counts; `?look=n` says the number itself and counts nothing."""
    job_id = request.path_params["job_id"]
    match = _ID.fullmatch(job_id)
    if not match or int(match["looks"]) > MAX_LOOKS:
        return json_answer({"status": 404, "message": "there is no such job"}, status=404)
    asked = request.query_params.get("look")
    look = whole_number(asked, "look", 1, 10_000) if asked is not None else _count(job_id)
    if look <= int(match["looks"]):
        return json_answer({"id": job_id, "state": "PENDING", "look": look})
    return json_answer(
        {"id": job_id, "state": "DONE", "look": look, "artifact": f"{job_id}/result.csv"}
    )


def _count(job_id: str) -> int:
    look = _looks.pop(job_id, 0) + 1
    _looks[job_id] = look
    if len(_looks) > MAX_JOBS:
        _looks.popitem(last=False)
    return look


routes = [
    Route("/jobs", start, methods=["POST"]),
    Route("/jobs/{job_id}", show, methods=["GET"]),
]
