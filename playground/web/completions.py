"""What can be written in a definition: types, fields, values, names, and `${…}` paths of past runs.

The editor asks once, `/definitions/completions`, and completes by itself from then on.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import environment
from playground.store import definitions, observed, queries
from playground.store import secrets as stored_secrets
from playground.web import task_catalogue
from playground.web.forms import read_query
from playground.web.pages import runtime
from tenants.asgi import signed_in


async def completions(request: Request) -> Response:
    """Everything an author may write: types, fields, values, names, and paths of past runs."""
    rt, caller = runtime(request), signed_in(request).member.caller
    name = read_query(request).text("workflow")
    async with rt.reading(caller.namespace) as connection:
        task_defs = await queries.task_defs(connection)
        workflows = await definitions.workflow_names(connection)
        secret_names = await stored_secrets.names(connection)
        seen = await observed.of_workflow(connection, name) if name else None
    variables = await environment.every(rt, caller)
    answer = {
        "types": [asdict(one) for one in task_catalogue.TASK_TYPES],
        "groups": task_catalogue.GROUPS,
        "taskFields": task_catalogue.TASK_FIELDS,
        "workflowFields": task_catalogue.WORKFLOW_FIELDS,
        "otherFields": task_catalogue.OTHER_FIELDS,
        "values": task_catalogue.VALUES,
        "flags": task_catalogue.FLAGS,
        "paths": task_catalogue.WORKFLOW_PATHS,
        "workers": {one.name: one.description or "" for one in task_defs},
        "workflows": workflows,
        "environment": list(variables),
        "secrets": secret_names,
        "outputs": {ref: paths_in(found) for ref, found in seen.outputs.items()} if seen else {},
        "inputs": paths_in(seen.inputs) if seen else {},
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")


_DEEPEST = 5
_MOST_PATHS = 200
_PLAIN_KEY = re.compile(r"[^.\[\]'\"()*?@\s,:$=<>!&|{}]{1,100}")


def paths_in(documents: Iterable[Any]) -> dict[str, str]:
    """Path below the documents → what is there, such as `list of 52`; no values."""
    found: dict[str, str] = {}
    for document in documents:
        _collect(document, "", found, 0)
    return found


def _collect(value: Any, path: str, found: dict[str, str], depth: int) -> None:
    if path and path not in found:
        if len(found) >= _MOST_PATHS:
            return
        found[path] = _kind_of(value)
    if depth >= _DEEPEST:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            plain = _PLAIN_KEY.fullmatch(key)
            step = key if plain else "['" + key.replace("\\", "\\\\").replace("'", "\\'") + "']"
            joined = f"{path}.{step}" if path and plain else f"{path}{step}"
            if len(key) <= 100 and "${" not in key:
                _collect(item, joined, found, depth + 1)
    elif isinstance(value, list) and value and path:
        _collect(value[0], f"{path}[0]", found, depth + 1)


def _kind_of(value: Any) -> str:
    if isinstance(value, list):
        return f"list of {len(value)}"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    return "nothing" if value is None else "text"


routes = [Route("/definitions/completions", completions, methods=["GET"])]
