"""One verb on many executions from the search page, and the report of what came of each."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import bulk, workflows
from playground.engine.runtime import Runtime
from playground.model.errors import Invalid
from playground.model.execution import Execution
from playground.model.search_query import SearchRequest
from playground.store import queries
from playground.web.executions import BULK_ACTIONS, read_filters, search_request
from playground.web.forms import Form, form_of, read_form
from playground.web.pages import render, runtime
from playground.web.search_form import ids_of
from tenants.asgi import signed_in
from tenants.caller import Caller

MOST: Final = 1_000
"""As many as Conductor's bulk endpoints take."""

Verb = Callable[[Runtime, Caller, str, str | None], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What can be done to many at once; `done` heads the list of those it worked for."""

    name: str
    done: str
    verb: Verb

    @property
    def label(self) -> str:
        return BULK_ACTIONS[self.name]


async def _pause(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.pause(rt, caller, id_)


async def _resume(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.resume(rt, caller, id_)


async def _terminate(rt: Runtime, caller: Caller, id_: str, reason: str | None) -> None:
    await workflows.terminate(rt, caller, id_, reason)


async def _retry(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.retry(rt, caller, id_)


async def _restart(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.restart(rt, caller, id_)


async def _restart_latest(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.restart(rt, caller, id_, use_latest_definitions=True)


async def _archive(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.remove(rt, caller, id_, archive=True)


async def _delete(rt: Runtime, caller: Caller, id_: str, _: str | None) -> None:
    await workflows.remove(rt, caller, id_, archive=False)


ACTIONS: Final = {
    action.name: action
    for action in (
        Action(name="pause", done="Paused", verb=_pause),
        Action(name="resume", done="Resumed", verb=_resume),
        Action(name="retry", done="Retried", verb=_retry),
        Action(name="restart", done="Restarted", verb=_restart),
        Action(
            name="restart_latest",
            done="Restarted with the latest definition",
            verb=_restart_latest,
        ),
        Action(name="terminate", done="Terminated", verb=_terminate),
        Action(name="archive", done="Archived", verb=_archive),
        Action(name="delete", done="Deleted", verb=_delete),
    )
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportLine:
    """One execution; `why` says what stood in the way, "" where nothing did."""

    workflow_id: str
    name: str
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BulkReport:
    """What came of it. `is_gone` where there is no page left to link to."""

    action: Action
    successes: tuple[ReportLine, ...]
    failures: tuple[ReportLine, ...]
    is_gone: bool
    back: str
    left_out: int
    """How many more matched than one action takes."""


async def act(request: Request) -> Response:
    """Carry out the chosen action on the ticked executions, or on all that match the filters."""
    caller, form, rt = signed_in(request).member.caller, await read_form(request), runtime(request)
    action = ACTIONS.get(form.text("action"))
    if action is None:
        raise Invalid("Choose what to do with the executions.")
    filters = read_filters(form_of(form.text("filters")))
    total, found = await _chosen(rt, caller, form, search_request(filters, 1, size=MOST))
    if not found:
        raise Invalid("Tick at least one execution.")
    reason = form.line("reason") or None
    answer = await bulk.each(list(found), lambda id_: action.verb(rt, caller, id_, reason))
    report = BulkReport(
        action=action,
        successes=tuple(
            ReportLine(workflow_id=id_, name=found[id_]) for id_ in answer.bulk_successful_results
        ),
        failures=tuple(
            ReportLine(workflow_id=id_, name=found[id_], why=why)
            for id_, why in answer.bulk_error_results.items()
        ),
        is_gone=action.name == "delete",
        back=filters.query_string,
        left_out=max(0, total - len(found)),
    )
    return await render(request, "executions/report.html", report)


async def _chosen(
    rt: Runtime, caller: Caller, form: Form, matching: SearchRequest
) -> tuple[int, dict[str, str]]:
    """How many were meant, and id → name of those that are acted on."""
    async with rt.reading(caller.namespace) as connection:
        if form.text("scope") == "all":
            total, executions = await queries.search_executions(connection, matching)
            return total, _names(executions)
        ids = ids_of(" ".join(form.texts("id")))[:MOST]
        found = [await queries.execution(connection, id_, include_tasks=False) for id_ in ids]
    known = _names([one for one in found if one])
    return len(ids), {id_: known.get(id_, "") for id_ in ids}


def _names(executions: Sequence[Execution]) -> dict[str, str]:
    return {one.workflow_id: one.workflow_name for one in executions}


routes = [Route("/executions/bulk", act, methods=["POST"])]
