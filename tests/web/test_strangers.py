"""Pages of others: what is somebody else's is answered as what is nowhere.

All routes of the pages with something in their path are walked, those with streams and downloads
too. A route whose path names something new fails here until it is said whose that is. Webhooks,
human tasks, schedules, schemas, keys and shares have rows of their own beside their pages.
"""

import re
from collections.abc import Mapping

import pytest
from starlette.routing import Route

from playground.engine.runtime import Runtime
from playground.web.app import ROUTES
from tests.engine.running import poll_one, run
from tests.support.builders import a_task_def, simple
from tests.web.visiting import Visitor

pytestmark = pytest.mark.anyio

# What a path names that nobody owns, or that is read without an account by who knows it.
FOR_EVERYBODY = (
    "/api-docs/",
    "/auth/",
    "/by/",
    "/early-access/",
    "/help/",
    "/import/",
    "/learn/",
    "/s/",
    "/samples/",
    "/searches/",
    "/static/",
)
NOWHERE = {
    "id": "00000000-0000-4000-8000-000000000000",
    "task": "00000000-0000-4000-8000-000000000001",
    "name": "nowhere",
    "application": "nothing",
    "key": "nobody",
    "verb": "rerun",
}
OWNED = sorted(
    {
        (method, route.path)
        for route in ROUTES
        if isinstance(route, Route) and "{" in route.path
        for method in route.methods or ()
        if method != "HEAD" and not route.path.startswith(FOR_EVERYBODY)
    }
)


# A free name can be given to what is edited; without an input the second leads to the form.
FREE_NAMES = {
    ("POST", "/definitions/workflows/{name:path}/edit"),
    ("POST", "/executions/{id}/run-on-version"),
}


def path_of(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: values[found[1]], template)


async def answered(
    visitor: Visitor, method: str, template: str, values: Mapping[str, str]
) -> tuple[int, str]:
    """Status and text, with what was asked for written as what is nowhere."""
    path = path_of(template, values)
    answer = await (visitor.get(path) if method == "GET" else visitor.post(path, {}))
    text = re.sub(r'data-nonce="[^"]*"', "", answer.text)
    for name, value in values.items():
        text = text.replace(value, NOWHERE[name])
    return answer.status_code, text


async def test_what_is_others_is_answered_as_what_is_nowhere(
    rt: Runtime, ada: Visitor, bo: Visitor
) -> None:
    defined = [a_task_def("T1")]
    execution_id = await run(rt, ada.caller, [simple("t1")], task_defs=defined, name="hush_wf")
    task = await poll_one(rt, ada.caller, "T1")
    theirs = NOWHERE | {"id": execution_id, "task": task.task_id, "name": "hush_wf"}

    nowhere = {row: await answered(bo, *row, NOWHERE) for row in OWNED}
    others = {row: await answered(bo, *row, theirs) for row in OWNED}

    assert others == nowhere
    assert {row for row, (status, _) in nowhere.items() if status < 400} == FREE_NAMES
    assert len(OWNED) > 30
