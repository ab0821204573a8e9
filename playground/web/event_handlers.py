"""Event handlers: the list, one with its actions in a form or as JSON, and what it did lately."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import events
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Invalid, NotFound, PlaygroundError
from playground.model.events import EventExecution, EventHandler
from playground.problems import problem_of
from playground.store import event_handlers as stored
from playground.store import event_messages, queries
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.fields import Field, Kind, Section, json_value
from playground.web.forms import Form, path_text, read_form, read_query, whole_number
from playground.web.pages import json_text, quoted, redirect, render, runtime
from playground.web.resources import (
    Editing,
    Link,
    confirmed,
    document_of,
    download,
    named_otherwise,
    suggestions,
    tabs_of,
    taken,
    without_saving,
    words_of,
)
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/definitions/event-handlers"
NEW: Final = "/new/event-handler"
DELIVERIES: Final = "deliveries"
MOST_ACTIONS_SHOWN: Final = 50

ACTIONS: Final[Mapping[str, tuple[str, JSONObject]]] = {
    "start_workflow": (
        "Start a workflow",
        {"name": "PopulationMaxMin", "input": {"event": "${$}"}},
    ),
    "complete_task": (
        "Complete a task",
        {"workflowId": "${workflowId}", "taskRefName": "wait_ref", "output": {"event": "${$}"}},
    ),
    "fail_task": (
        "Fail a task",
        {
            "workflowId": "${workflowId}",
            "taskRefName": "wait_ref",
            "reasonForIncompletion": "The event said so",
        },
    ),
    "terminate_workflow": (
        "Terminate a workflow",
        {"workflowId": "${workflowId}", "terminationReason": "The event said so"},
    ),
    "update_workflow_variables": (
        "Update variables of a workflow",
        {"workflowId": "${workflowId}", "variables": {"latest": "${$}"}, "appendArray": False},
    ),
}
"""Kind of action → its words and what it begins with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HandlerLine:
    handler: EventHandler
    messages: int

    @property
    def does(self) -> str:
        """Its actions in words."""
        return ", ".join(
            ACTIONS[one.action][0].lower() if one.action in ACTIONS else one.action
            for one in self.handler.actions
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EventHandlersPage:
    search: str
    state: str
    lines: tuple[HandlerLine, ...]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EventHandlerPage:
    """`records` is None except on the tab of deliveries."""

    edit: Editing
    event: str = ""
    is_active: bool = True
    kinds_of_actions: tuple[str, ...] = ()
    records: tuple[EventExecution, ...] | None = None
    recent: tuple[EventExecution, ...] = ()
    message: str = '{\n  "orderId": 4711\n}'
    message_problem: str = ""
    is_sent: bool = False
    kinds: tuple[tuple[str, str], ...] = field(
        default=tuple((kind, words) for kind, (words, _) in ACTIONS.items())
    )


# The form: every action is a place of its own, `actions` in the document.


def sections(
    *, is_new: bool, kinds: Sequence[str], suggested: Iterable[str] = ()
) -> tuple[Section, ...]:
    """`kinds` are those of the actions, in order."""
    return (
        Section(
            title="Handler",
            fields=(
                Field(name="name", label="Name", required=True, is_fixed=not is_new),
                Field(
                    name="event",
                    label="Event",
                    required=True,
                    placeholder="conductor:order_flow:order_placed",
                    choices=suggestions(suggested),
                    hint="`conductor:<workflow>:<name>`, which EVENT tasks publish to.",
                ),
                Field(name="description", label="Description"),
                Field(name="active", label="Active", kind=Kind.CHECK),
            ),
        ),
        Section(
            title="Condition",
            is_open=False,
            fields=(
                Field(
                    name="condition",
                    label="Only when this is true",
                    kind=Kind.TEXT,
                    placeholder="$.amount > 100",
                    hint="JavaScript over the message, as `$`. Empty: for every message.",
                ),
                Field(
                    name="evaluatorType",
                    label="Evaluator",
                    kind=Kind.CHOICE,
                    choices=(
                        ("", "JavaScript"),
                        ("javascript", "javascript"),
                        ("value-param", "value-param: the condition names a field"),
                    ),
                ),
            ),
        ),
        *(
            Section(
                title=f"Action {index + 1}: {ACTIONS.get(kind, (kind, {}))[0].lower()}",
                fields=(
                    Field(
                        name=f"action{index}",
                        label="Its parameters",
                        kind=Kind.JSON,
                        show=_shows_action(index),
                        read=_reads_action(kind),
                        also=(f"actions[{index}]", f"actions[{index}].{kind}"),
                        hint="`${…}` reads the message: `${$}` is all of it, `${order.id}` a part.",
                    ),
                ),
            )
            for index, kind in enumerate(kinds)
        ),
    )


def _shows_action(index: int) -> Callable[[Any, JSONObject], str]:
    def show(_: Any, document: JSONObject) -> str:
        action = _actions(document)[index]
        return json_text(action.get(str(action.get("action")), {}))

    return show


def _reads_action(kind: str) -> Callable[[str, Mapping[str, str]], Any]:
    def read(text: str, _: Mapping[str, str]) -> JSONObject:
        parameters = json_value(text)
        if not isinstance(parameters, dict):
            raise Invalid("The parameters are a JSON object.")
        return {"action": kind, kind: parameters}

    return read


def _actions(document: JSONObject) -> list[JSONObject]:
    """The actions of a document that somebody may have written by hand."""
    given = document.get("actions")
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def kinds_of(document: JSONObject) -> list[str]:
    return [str(one.get("action", "")) for one in _actions(document)][:MOST_ACTIONS_SHOWN]


def _whole(known: JSONObject, kinds: Sequence[str]) -> Callable[[JSONObject], JSONObject]:
    """Puts the fields of actions back into the list; what they do not show of one stays."""
    before = _actions(known)

    def finish(document: JSONObject) -> JSONObject:
        actions = []
        for index, kind in enumerate(kinds):
            old = before[index] if index < len(before) and before[index]["action"] == kind else {}
            actions.append(old | document.get(f"action{index}", {"action": kind}))
        rest = {key: value for key, value in document.items() if not _is_action(key)}
        return rest | {"actions": actions}

    return finish


def _is_action(key: str) -> bool:
    return key.startswith("action") and key[6:].isdigit()


def _posted(form: Form, known: JSONObject, *, is_new: bool) -> Draft:
    if form.text("tab") == "json":
        draft = posted_draft((), form, known)
        kinds = kinds_of(draft.document)
        fresh = draft_of(sections(is_new=is_new, kinds=kinds), draft.document)
        return replace(draft, sections=fresh.sections, texts=fresh.texts)
    kinds = [kind for kind in form.texts("kind") if kind][:MOST_ACTIONS_SHOWN]
    finish = _whole(known, kinds)
    return posted_draft(sections(is_new=is_new, kinds=kinds), form, known, finish)


def _with_actions(form: Form, draft: Draft) -> Draft | None:
    """The draft with an action more or less, where that was the button."""
    verb, actions = form.text("verb"), _actions(draft.document)
    if verb == "add-action" and form.text("new_kind") in ACTIONS:
        kind = form.text("new_kind")
        actions = [*actions, {"action": kind, kind: ACTIONS[kind][1]}]
    elif verb.startswith("remove-action-"):
        at = whole_number(verb.removeprefix("remove-action-"))
        actions = [one for index, one in enumerate(actions) if index != at]
    else:
        return without_saving(form, draft)
    document = draft.document | {"actions": actions}
    is_new = not draft.sections[0].fields[0].is_fixed
    return draft_of(sections(is_new=is_new, kinds=kinds_of(document)), document)


# Pages


async def list_handlers(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.handlers(connection)
        met = {
            one.name: one.number_of_messages for one in await event_messages.by_handler(connection)
        }
    if query.text("format") == "json":
        return download([document_of(one) for one in found], "event-handlers")
    page = handlers_page(found, met, query.line("q"), query.text("state"))
    return await render(request, "event_handlers/list.html", page)


def handlers_page(
    found: Sequence[EventHandler], met: Mapping[Any, int], search: str, state: str
) -> EventHandlersPage:
    """`met` is handler → messages; `state` is active, inactive or anything else for both."""
    shown = [one for one in found if words_of(search, one.name, one.event, one.description)]
    if state in ("active", "inactive"):
        shown = [one for one in shown if one.active == (state == "active")]
    return EventHandlersPage(
        search=search,
        state=state if state in ("active", "inactive") else "",
        lines=tuple(HandlerLine(handler=one, messages=met.get(one.name, 0)) for one in shown),
        total=len(found),
    )


async def show_new(request: Request) -> Response:
    query = read_query(request)
    document: JSONObject = {
        "name": query.line("name"),
        "event": query.line("event"),
        "active": True,
        "actions": [{"action": "start_workflow", "start_workflow": ACTIONS["start_workflow"][1]}],
    }
    if query.line("copy"):
        copied = await _known(request, query.line("copy"))
        document = document_of(copied) | {"name": f"{copied.name}-copy"}
    draft = draft_of(sections(is_new=True, kinds=kinds_of(document)), document, query.text("tab"))
    return await _show(request, "", draft)


async def create(request: Request) -> Response:
    form = await read_form(request)
    draft = _posted(form, {}, is_new=True)
    if (shown := _with_actions(form, draft)) is not None:
        return await _show(request, "", shown)
    caller, rt = signed_in(request).member.caller, runtime(request)
    try:
        given = draft.read(EventHandler)
        async with rt.reading(caller.namespace) as connection:
            if await stored.handler(connection, given.name):
                raise taken("event handler", given.name)
        await events.register(rt, caller, [given])
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, "", draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(given.name)}?saved=1")


async def show_handler(request: Request) -> Response:
    query, known = read_query(request), await _known(request, path_text(request, "name"))
    if query.text("format") == "json":
        return download(document_of(known), known.name)
    draft = _draft(known, query.text("tab"))
    page = await _page(request, known.name, draft, known)
    page = replace(page, is_sent=query.text("sent") == "1")
    page = replace(page, edit=replace(page.edit, is_saved=query.text("saved") == "1"))
    if query.text("tab") == DELIVERIES:
        page = with_deliveries(page)
    return await render(request, "event_handlers/show.html", page)


async def change(request: Request) -> Response:
    """What the page of a handler can do: save, switch on or off, send a message, delete."""
    form, known = await read_form(request), await _known(request, path_text(request, "name"))
    caller, rt = signed_in(request).member.caller, runtime(request)
    here = f"{HOME}/{quoted(known.name)}"
    match form.text("verb"):
        case "switch-on" | "switch-off":
            active = form.text("verb") == "switch-on"
            await events.update(rt, caller, msgspec.structs.replace(known, active=active))
            return redirect(request, HOME if form.text("back") == "list" else here)
        case "send":
            return await _send(request, form, known)
        case "delete":
            if problem := confirmed(form, known.name):
                return await _show(
                    request, known.name, _draft(known), known, delete_problem=problem
                )
            await events.remove(rt, caller, known.name)
            return redirect(request, HOME)
        case _:
            return await _save(request, form, known)


async def _save(request: Request, form: Form, known: EventHandler) -> Response:
    draft = _posted(form, document_of(known), is_new=False)
    if (shown := _with_actions(form, draft)) is not None:
        return await _show(request, known.name, shown, known)
    try:
        given = draft.read(EventHandler)
        named_otherwise("name", given.name, known.name)
        await events.update(runtime(request), signed_in(request).member.caller, given)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, known.name, draft.refused(error), known)
    return redirect(request, f"{HOME}/{quoted(known.name)}?saved=1")


async def _send(request: Request, form: Form, known: EventHandler) -> Response:
    """Publish a message of the handler's event, as an EVENT task would."""
    text, caller = form.text("message"), signed_in(request).member.caller
    try:
        payload = json_value(text)
        if not isinstance(payload, dict):
            raise Invalid("A message is a JSON object, such as {}.")
        await events.publish(runtime(request), caller, known.event, payload)
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        page = await _page(request, known.name, _draft(known), known)
        page = replace(page, message=text, message_problem=problem.message)
        return await render(request, "event_handlers/show.html", page, problem.status)
    return redirect(request, f"{HOME}/{quoted(known.name)}?tab={DELIVERIES}&sent=1")


def _draft(known: EventHandler, tab: str = "") -> Draft:
    document = document_of(known)
    return draft_of(sections(is_new=False, kinds=kinds_of(document)), document, tab)


async def _known(request: Request, name: str) -> EventHandler:
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        found = await stored.handler(connection, name)
    if found is None:
        raise NotFound
    return found


async def _show(
    request: Request, name: str, draft: Draft, known: EventHandler | None = None, **fields: Any
) -> Response:
    page = await _page(request, name, draft, known)
    page = replace(page, edit=replace(page.edit, **fields))
    return await render(request, "event_handlers/show.html", page, draft.status)


async def _page(
    request: Request, name: str, draft: Draft, known: EventHandler | None
) -> EventHandlerPage:
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        workflows = await queries.workflow_defs(connection, latest_only=True)
        recent = await event_messages.records_of(connection, name, most=50) if name else []
    suggested = published_events(workflows)
    kinds = kinds_of(draft.document)
    if draft.texts.keys() >= {f"action{index}" for index in range(len(kinds))}:
        shown = sections(is_new=not name, kinds=kinds, suggested=suggested)
        draft = replace(draft, sections=shown)
    return handler_page(name, draft, known, recent)


def handler_page(
    name: str, draft: Draft, known: EventHandler | None, recent: Sequence[EventExecution] = ()
) -> EventHandlerPage:
    here = f"{HOME}/{quoted(name)}" if name else NEW
    return EventHandlerPage(
        edit=Editing(
            section="event_handlers",
            home=HOME,
            home_label="Event Handlers",
            thing="event handler",
            name=name,
            path=here,
            title=name or "New event handler",
            draft=draft,
            tabs=_tabs(here, draft.tab) if name else (),
            deleting="Messages that it has not seen yet it will not see.",
            copy_link=f"{NEW}?copy={quoted(name)}" if name else "",
            save_word="Save" if name else "Create event handler",
        ),
        event=known.event if known else "",
        is_active=known.active if known else True,
        kinds_of_actions=tuple(kinds_of(draft.document)),
        recent=tuple(recent),
    )


def with_deliveries(page: EventHandlerPage) -> EventHandlerPage:
    """The same page, showing what the handler did lately in place of its form."""
    tabs = _tabs(page.edit.path, "", is_deliveries=True)
    return replace(page, records=page.recent, edit=replace(page.edit, tabs=tabs))


def _tabs(here: str, tab: str, *, is_deliveries: bool = False) -> tuple[Link, ...]:
    more = Link(label="Deliveries", link=f"{here}?tab={DELIVERIES}", is_current=is_deliveries)
    return tabs_of(here, tab, more)


def published_events(workflows: Iterable[WorkflowDef]) -> list[str]:
    """The events that EVENT tasks of these workflows publish."""
    found = set()
    for workflow in workflows:
        for task in workflow.all_tasks():
            sink = task.sink or ""
            if task.type == "EVENT" and sink.partition(":")[0] == "conductor":
                name = sink.partition(":")[2] or task.task_reference_name
                full = name if ":" in name else f"{workflow.name}:{name}"
                found.add(f"conductor:{full}")
    return sorted(found)


routes = [
    Route(HOME, list_handlers),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, create, methods=["POST"]),
    Route(HOME + "/{name:path}", show_handler, methods=["GET"]),
    Route(HOME + "/{name:path}", change, methods=["POST"]),
]
