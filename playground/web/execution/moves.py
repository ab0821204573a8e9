"""What helps a run that stands still, or gives one to compare: posted, and back to the page."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import standing_in
from playground.engine.fast_forward import FastForwarded, fast_forward
from playground.engine.same_input import start_again
from playground.model.errors import Conflict, PlaygroundError
from playground.problems import problem_of
from playground.understand.words import counted, span
from playground.web.execution.replay import show_history
from playground.web.execution.saying import say
from playground.web.forms import path_text, read_form, read_query, whole_number
from playground.web.pages import quoted, redirect, runtime
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded


async def skip_wait(request: Request) -> Response:
    caller = signed_in(request).member.caller
    execution_id = path_text(request, "id")
    ref = read_query(request).line("ref")
    back = redirect(request, f"/executions/{quoted(execution_id)}")
    try:
        moved = await fast_forward(runtime(request), caller, execution_id, ref or None)
    except Conflict as refused:
        return say(request, back, refused.message, tone="warn")
    return say(request, back, words_of(moved))


def words_of(moved: FastForwarded) -> str:
    """What was skipped: `Skipped 30 days of waiting, in w.`"""
    saved = span(sum(one.skipped_ms for one in moved.skipped))
    refs = list(dict.fromkeys(one.reference_task_name for one in moved.skipped))
    where = refs[0] if len(refs) == 1 else counted(len(moved.skipped), "task")
    return f"Skipped {saved} of waiting, in {where}. The run is marked as fast-forwarded."


async def let_stand_in(request: Request) -> Response:
    """Switch the playground's own worker on for a task type."""
    caller = signed_in(request).member.caller
    execution_id = path_text(request, "id")
    task_type = read_query(request).line("type")
    standing_in.check(task_type)
    await standing_in.switch(runtime(request), caller, task_type, on=True)
    back = redirect(request, f"/executions/{quoted(execution_id)}?tab=why")
    words = f"The playground's stand-in now works on {task_type}, until a worker of yours polls."
    return say(request, back, words)


async def run_on_version(request: Request) -> Response:
    """The same input once more, on the version chosen; then the two side by side."""
    caller = signed_in(request).member.caller
    execution_id = path_text(request, "id")
    version = whole_number((await read_form(request)).text("version"))
    page = f"/executions/{quoted(execution_id)}?tab=compare"
    try:
        started = await start_again(runtime(request), caller, execution_id, version)
    except (PlaygroundError, QuotaExceeded) as refused:
        message = problem_of(refused).message
        return say(request, redirect(request, page), message, tone="warn")
    return redirect(request, f"{page}&with={quoted(started)}")


routes = [
    Route("/executions/{id}/fast-forward", skip_wait, methods=["POST"]),
    Route("/executions/{id}/stand-in", let_stand_in, methods=["POST"]),
    Route("/executions/{id}/run-on-version", run_on_version, methods=["POST"]),
    Route("/executions/{id}/history", show_history),
]
