"""What people do to an execution: each posts a form, and leads back to the page with a sentence.

Verbs without a question are a button each (`VERBS`); the others have a small page of their own
(`forms`). A refusal is a sentence too: most often the execution has changed meanwhile.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import signals, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import JSONObject
from playground.model.errors import Conflict, Invalid, NotFound, PlaygroundError
from playground.model.execution import TaskExecLog
from playground.model.reading import read_any
from playground.model.requests import (
    RerunWorkflowRequest,
    ResultStatus,
    SkipTaskRequest,
    TaskResult,
    WorkflowStateUpdate,
)
from playground.problems import problem_of
from playground.store import queries
from playground.web.execution.refused import show_again
from playground.web.execution.saying import say
from playground.web.forms import Form, path_text, read_form
from playground.web.pages import quoted, redirect, runtime
from tenants.asgi import signed_in
from tenants.caller import Caller
from tenants.errors import TenantError

WORKER: Final = "page"
"""The worker id of results that were given on the page."""


@dataclass(frozen=True)
class Asked:
    """A posted form of an execution."""

    rt: Runtime
    caller: Caller
    execution_id: str
    form: Form

    def document(self, name: str, label: str) -> JSONObject:
        """The JSON object in a field, empty for an empty one; raises `Invalid`."""
        text = self.form.text(name)
        if not text.strip():
            return {}
        try:
            found = read_any(text.encode(), max_bytes=self.caller.plan.payload_bytes)
        except Invalid as error:
            raise Invalid(f"The {label} is not JSON: {error.message}") from None
        if not isinstance(found, dict):
            raise Invalid(f"The {label} must be a JSON object, such as {{}}.")
        return found


Act = Callable[[Asked], Awaitable[str]]
"""Carries out a verb; returns what to say."""


async def _pause(asked: Asked) -> str:
    await workflows.pause(asked.rt, asked.caller, asked.execution_id)
    return "Paused. Nothing new is scheduled until you resume; what is scheduled may be finished."


async def _resume(asked: Asked) -> str:
    await workflows.resume(asked.rt, asked.caller, asked.execution_id)
    return "Resumed."


async def _terminate(asked: Asked) -> str:
    reason = asked.form.line("reason")
    await workflows.terminate(asked.rt, asked.caller, asked.execution_id, reason or None)
    return "Terminated."


async def _restart(asked: Asked) -> str:
    latest = asked.form.text("definitions") == "latest"
    await workflows.restart(
        asked.rt, asked.caller, asked.execution_id, use_latest_definitions=latest
    )
    which = "the latest definitions" if latest else "its own definitions"
    return f"Restarted with {which}."


async def _retry(asked: Asked) -> str:
    below = asked.form.text("resume") == "sub-workflow"
    await workflows.retry(
        asked.rt, asked.caller, asked.execution_id, resume_subworkflow_tasks=below
    )
    return "Resumed in the sub-workflow that failed." if below else "Retrying from what failed."


async def _rerun(asked: Asked) -> str:
    task_id = asked.form.text("task")
    task_input = asked.form.text("task_input").strip()
    workflow_input = asked.form.text("workflow_input").strip()
    request = RerunWorkflowRequest(
        re_run_from_task_id=task_id or UNSET,
        task_input=asked.document("task_input", "task input") if task_input else UNSET,
        workflow_input=asked.document("workflow_input", "input") if workflow_input else UNSET,
    )
    await workflows.rerun(asked.rt, asked.caller, asked.execution_id, request)
    return "Running again from that task." if task_id else "Running again from the beginning."


async def _skip(asked: Asked) -> str:
    ref = asked.form.text("task")
    if not ref:
        raise Invalid("Choose the task to skip.")
    request = SkipTaskRequest(task_output=asked.document("output", "output"))
    await workflows.skip_task(asked.rt, asked.caller, asked.execution_id, ref, request)
    return f"{ref} will be skipped."


async def _set_variables(asked: Asked) -> str:
    variables = asked.document("variables", "list of variables")
    await signals.update_state(
        asked.rt, asked.caller, asked.execution_id, WorkflowStateUpdate(variables=variables)
    )
    return "The variables are saved. Tasks scheduled from now on see them."


async def _remove(asked: Asked) -> str:
    archive = asked.form.text("keep") != "nothing"
    await workflows.remove(asked.rt, asked.caller, asked.execution_id, archive=archive)
    return "Archived: it is out of the lists, and this page still shows it."


async def _give_result(asked: Asked) -> str:
    """A result for an open task, as its worker would report it."""
    form = asked.form
    task_id, status = form.text("task"), form.text("result")
    if status not in set(ResultStatus):
        raise Invalid("Choose what became of the task.")
    async with asked.rt.reading(asked.caller.namespace) as connection:
        task = await queries.task(connection, task_id)
    if task is None or task.workflow_instance_id != asked.execution_id:
        raise NotFound
    if task.status.terminal:
        raise Conflict("This task has ended meanwhile; your result was not needed any more.")
    reason, line = form.line("reason"), form.text("log").strip()
    result = TaskResult(
        workflow_instance_id=asked.execution_id,
        task_id=task_id,
        status=ResultStatus(status),
        output_data=asked.document("output", "output"),
        reason_for_incompletion=reason or UNSET,
        worker_id=WORKER,
        logs=[TaskExecLog(log=line)] if line else [],
    )
    await tasks.update(asked.rt, asked.caller, result)
    words = {"COMPLETED": "completed", "IN_PROGRESS": "still in progress"}.get(status, "failed")
    return f"{task.reference_task_name} is {words}."


VERBS: Final[dict[str, Act]] = {
    "pause": _pause,
    "resume": _resume,
    "terminate": _terminate,
    "restart": _restart,
    "retry": _retry,
    "rerun": _rerun,
    "skip": _skip,
    "variables": _set_variables,
    "remove": _remove,
    "result": _give_result,
}


async def act(request: Request) -> Response:
    """Carry out the verb the path ends in, and go back to where the form was."""
    caller = signed_in(request).member.caller
    execution_id, verb = path_text(request, "id"), request.url.path.rpartition("/")[2]
    form = await read_form(request)
    asked = Asked(runtime(request), caller, execution_id, form)
    async with asked.rt.reading(caller.namespace) as connection:
        if await queries.execution(connection, execution_id, include_tasks=False) is None:
            raise NotFound
    is_gone = verb == "remove" and form.text("keep") == "nothing"
    back = "/executions" if is_gone else f"/executions/{quoted(execution_id)}{_place(form)}"
    try:
        words = await VERBS[verb](asked)
    except Invalid as error:
        return await show_again(request, execution_id, verb, form, error.message)
    except (PlaygroundError, TenantError) as error:
        if isinstance(error, NotFound) and not error.message:
            raise
        return say(request, redirect(request, back), problem_of(error).message, tone="warn")
    words = "Removed for good." if is_gone else words
    return say(request, redirect(request, back), words)


def _place(form: Form) -> str:
    """The query of the page the form was on; anything else is dropped."""
    back = form.text("back")
    return back if back.startswith("?") and len(back) < 2_000 else ""


routes = [Route(f"/executions/{{id}}/{verb}", act, methods=["POST"]) for verb in VERBS]
