"""Tasks that people do, and their forms: `/api/human`, as Orkes' clients call it.

Reads of what is not there are 404, actions on it 400. Go sends PUT where the others POST.
"""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from playground.api.answers import as_json, empty
from playground.api.bodies import read, read_optional
from playground.api.endpoint import Content, Endpoint
from playground.api.parameters import Boolean, Choice, Integer, Text, TextList
from playground.engine import human_tasks
from playground.model.definitions import JSONObject
from playground.model.errors import Invalid, NotFound
from playground.model.execution import Task
from playground.model.human_tasks import (
    HumanTaskAssignment,
    HumanTaskEntry,
    HumanTaskSearch,
    HumanTaskSearchResult,
    HumanTaskTemplate,
    SearchType,
)
from playground.model.tags import ResourceType
from playground.store import human_tasks as stored
from playground.store import queries, tags
from tenants.database import Connection

WITH_TEMPLATE = Boolean("withTemplate", "Give the form too")
OVERRIDE = Boolean("overrideAssignment", "Take it whoever is asked")
COMPLETE = Boolean("complete", "Be done with the task")
REASON = Text("reason", "Why the assignee is skipped", longest=1_000)
SEARCH_TYPE = Choice("searchType", required=True, choices=tuple(SearchType))
WORKFLOW_ID = Text("workflowId", required=True)
REFERENCE = Text("taskRefName", required=True)
ITERATION = TextList("iteration", "Turns of the loop around the task")
NEW_VERSION = Boolean("newVersion", "Store as the highest version plus one")
NAME = Text("name", "Only forms of this name")
VERSION = Integer("version", "Only this version")


async def search_human_tasks(request: Request) -> Response:
    """Human tasks by any of their properties, the latest change first."""
    wanted = await read_optional(request, HumanTaskSearch, HumanTaskSearch())
    caller = request.state.caller
    async with request.state.runtime.reading(caller.namespace) as connection:
        total, found = await stored.search(connection, wanted, human_tasks.names_of(caller))
    return as_json(
        HumanTaskSearchResult(
            start=wanted.start,
            page_size_limit=min(wanted.size, stored.MOST_FOUND),
            hits=len(found),
            total_hits=total,
            results=found,
        )
    )


async def get_human_task(request: Request) -> Response:
    """One human task."""
    return await _entry(request)


async def get_conductor_task(request: Request) -> Response:
    """The task of the execution that a human task is."""
    task_id = request.path_params["taskId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        task = await queries.task(connection, task_id)
    if task is None or task.task_type != "HUMAN":
        raise NotFound(f"No such human task: {task_id}")
    return as_json(task.for_wire(request.state.runtime.now_ms()))


async def get_task_display_names(request: Request) -> Response:
    """The display names of all human tasks, or of those in the caller's inbox."""
    caller, inbox = request.state.caller, SEARCH_TYPE.of(request) == SearchType.INBOX
    async with request.state.runtime.reading(caller.namespace) as connection:
        names = human_tasks.names_of(caller) if inbox else None
        return as_json(await stored.display_names(connection, names))


async def claim_human_task(request: Request) -> Response:
    """Take a task oneself."""
    override = OVERRIDE.of(request)
    await human_tasks.claim(*_who_and_which(request), override=override)
    return await _entry(request)


async def claim_human_task_for_external_user(request: Request) -> Response:
    """Take a task on behalf of somebody outside."""
    await human_tasks.claim(
        *_who_and_which(request),
        external_user=request.path_params["userId"],
        override=OVERRIDE.of(request),
    )
    return await _entry(request)


async def release_human_task(request: Request) -> Response:
    """Give a claimed task back."""
    await human_tasks.release(*_who_and_which(request))
    return empty()


async def reassign_human_task(request: Request) -> Response:
    """Ask others from now on."""
    assignments = await read(request, list[HumanTaskAssignment])
    if not any(one.assignee.user for one in assignments):
        raise Invalid("At least one assignment with a user is required.")
    await human_tasks.reassign(*_who_and_which(request), assignments)
    return empty()


async def skip_human_task(request: Request) -> Response:
    """The next assignment's turn."""
    await human_tasks.skip(*_who_and_which(request), REASON.of(request))
    return empty()


async def update_human_task(request: Request) -> Response:
    """Merge what was filled in; with `complete` the task is done."""
    output: JSONObject = await read_optional(request, JSONObject, {})
    complete = COMPLETE.of(request)
    await human_tasks.update(*_who_and_which(request), output, complete=complete)
    return empty()


async def replace_human_task_output(request: Request) -> Response:
    """The same, as Go sends it."""
    return await update_human_task(request)


async def update_human_task_by_reference(request: Request) -> Response:
    """The same for a task known by workflow and reference name."""
    output: JSONObject = await read_optional(request, JSONObject, {})
    await human_tasks.update_by_reference(
        request.state.runtime,
        request.state.caller,
        WORKFLOW_ID.of(request),
        REFERENCE.of(request),
        [_turn(text) for text in ITERATION.of(request)],
        output,
        complete=COMPLETE.of(request),
    )
    return empty()


async def replace_human_task_output_by_reference(request: Request) -> Response:
    """The same, as Go sends it."""
    return await update_human_task_by_reference(request)


def _turn(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("iteration: must be a whole number")
    return int(text)


def _who_and_which(request: Request) -> tuple[Any, Any, str]:
    return request.state.runtime, request.state.caller, request.path_params["taskId"]


async def _entry(request: Request) -> Response:
    found = await human_tasks.entry(*_who_and_which(request))
    if WITH_TEMPLATE.of(request):
        async with request.state.runtime.reading(request.state.caller.namespace) as connection:
            form = await _form_of(connection, found)
        asked = replace(found.human_task_def, full_template=form or UNSET)
        found = replace(found, human_task_def=asked)
    return as_json(found)


async def _form_of(connection: Connection, entry: HumanTaskEntry) -> HumanTaskTemplate | None:
    """The form a task names, in the highest version unless it names one."""
    form = entry.human_task_def.user_form_template
    if not form or not form.name:
        return None
    found = await stored.templates(connection, name=form.name, version=form.version or None)
    return found[-1] if found else None


async def get_human_templates(request: Request) -> Response:
    """Forms, by name and version."""
    name, version = NAME.optional(request), VERSION.optional(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.templates(connection, name=name, version=version)
        by_name = await tags.of_many(
            connection, ResourceType.USER_FORM_TEMPLATE, {one.name for one in found}
        )
    return as_json([replace(one, tags=by_name.get(one.name, [])) for one in found])


async def save_human_template(request: Request) -> Response:
    """Store a form; a version in it goes before `newVersion`."""
    template = await read(request, HumanTaskTemplate)
    return as_json(await _save(request, template))


async def save_human_templates(request: Request) -> Response:
    """Store many forms, one after the other."""
    given = await read(request, list[HumanTaskTemplate])
    return as_json([await _save(request, template) for template in given])


async def _save(request: Request, template: HumanTaskTemplate) -> HumanTaskTemplate:
    return await human_tasks.save_template(
        request.state.runtime,
        request.state.caller,
        template,
        new_version=NEW_VERSION.of(request),
    )


async def get_human_template(request: Request) -> Response:
    """One version of a form."""
    name, version = request.path_params["name"], _version(request)
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        found = await stored.templates(connection, name=name, version=version)
    if not found:
        raise human_tasks.no_template(name, version)
    return as_json(found[0])


async def get_human_template_of_task(request: Request) -> Response:
    """The form of a human task. JavaScript asks here by the name of a form too."""
    key = request.path_params["humanTaskId"]
    async with request.state.runtime.reading(request.state.caller.namespace) as connection:
        entry = await stored.entry(connection, key)
        named = await stored.templates(connection, name=key)
        form = await _form_of(connection, entry) if entry else next(iter(named), None)
    if form is None:
        raise human_tasks.no_template(key)
    return as_json(form)


async def delete_human_template(request: Request) -> Response:
    """Delete a form in all its versions."""
    runtime, caller = request.state.runtime, request.state.caller
    await human_tasks.delete_template(runtime, caller, request.path_params["name"])
    return empty()


async def delete_human_template_version(request: Request) -> Response:
    """Delete one version of a form."""
    runtime, caller = request.state.runtime, request.state.caller
    name, version = request.path_params["name"], _version(request)
    await human_tasks.delete_template(runtime, caller, name, version)
    return empty()


def _version(request: Request) -> int:
    text = request.path_params["version"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"No such form template: {request.path_params['name']}, version: {text}")
    return int(text)


def _row(method: str, path: str, handler: Any, summary: str, **more: Any) -> Endpoint:
    return Endpoint(
        method=method,
        path=f"/api/human/{path}",
        handler=handler,
        summary=summary,
        **{"scope": "human:work", "answers": {200: Content.EMPTY}, **more},
    )


_READS: dict[str, Any] = {"scope": "metadata:read"}
_WRITES: dict[str, Any] = {"scope": "metadata:write"}
_OUTPUT: dict[str, Any] = {"body": JSONObject, "body_required": False}
_ONE_ENTRY: dict[int, Any] = {200: HumanTaskEntry}
_BY_REFERENCE = (COMPLETE, ITERATION, WORKFLOW_ID, REFERENCE)

ENDPOINTS = (
    _row(
        "POST",
        "tasks/search",
        search_human_tasks,
        "Search human tasks",
        body=HumanTaskSearch,
        body_required=False,
        answers={200: HumanTaskSearchResult},
    ),
    _row(
        "GET",
        "tasks/getTaskDisplayNames",
        get_task_display_names,
        "The display names of human tasks",
        parameters=(SEARCH_TYPE,),
        answers={200: list[str]},
    ),
    _row(
        "GET",
        "tasks/{taskId}",
        get_human_task,
        "A human task",
        parameters=(WITH_TEMPLATE,),
        answers=_ONE_ENTRY,
    ),
    _row(
        "GET",
        "tasks/{taskId}/conductorTask",
        get_conductor_task,
        "The task of the execution that a human task is",
        answers={200: Task},
    ),
    _row(
        "POST",
        "tasks/{taskId}/claim",
        claim_human_task,
        "Claim a human task",
        parameters=(OVERRIDE, WITH_TEMPLATE),
        answers=_ONE_ENTRY,
    ),
    _row(
        "POST",
        "tasks/{taskId}/externalUser/{userId}",
        claim_human_task_for_external_user,
        "Claim a human task for somebody outside",
        parameters=(OVERRIDE, WITH_TEMPLATE),
        answers=_ONE_ENTRY,
    ),
    _row("POST", "tasks/{taskId}/release", release_human_task, "Give a claimed task back"),
    _row(
        "POST",
        "tasks/{taskId}/reassign",
        reassign_human_task,
        "Ask others to do a task",
        body=list[HumanTaskAssignment],
    ),
    _row(
        "POST",
        "tasks/{taskId}/skip",
        skip_human_task,
        "Skip to the next assignee",
        parameters=(REASON,),
    ),
    *(
        _row(
            method,
            "tasks/{taskId}/update",
            handler,
            "Fill in a human task, or complete it",
            parameters=(COMPLETE,),
            **_OUTPUT,
        )
        for method, handler in (("POST", update_human_task), ("PUT", replace_human_task_output))
    ),
    *(
        _row(
            method,
            "tasks/update/taskRef",
            handler,
            "Fill in a human task known by its reference name",
            parameters=_BY_REFERENCE,
            **_OUTPUT,
        )
        for method, handler in (
            ("POST", update_human_task_by_reference),
            ("PUT", replace_human_task_output_by_reference),
        )
    ),
    _row(
        "GET",
        "template",
        get_human_templates,
        "All forms",
        parameters=(NAME, VERSION),
        answers={200: list[HumanTaskTemplate]},
        **_READS,
    ),
    _row(
        "POST",
        "template",
        save_human_template,
        "Store a form",
        parameters=(NEW_VERSION,),
        body=HumanTaskTemplate,
        answers={200: HumanTaskTemplate},
        **_WRITES,
    ),
    _row(
        "POST",
        "template/bulk",
        save_human_templates,
        "Store many forms",
        parameters=(NEW_VERSION,),
        body=list[HumanTaskTemplate],
        answers={200: list[HumanTaskTemplate]},
        **_WRITES,
    ),
    _row(
        "GET",
        "template/{name}/{version}",
        get_human_template,
        "A version of a form",
        answers={200: HumanTaskTemplate},
        **_READS,
    ),
    _row(
        "GET",
        "template/{humanTaskId}",
        get_human_template_of_task,
        "The form of a human task",
        answers={200: HumanTaskTemplate},
        **_READS,
    ),
    _row("DELETE", "template/{name}", delete_human_template, "Delete a form", **_WRITES),
    _row(
        "DELETE",
        "template/{name}/{version}",
        delete_human_template_version,
        "Delete a version of a form",
        **_WRITES,
    ),
)
