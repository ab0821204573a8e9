"""Task definitions: the list, and one with its policies in a form, as JSON and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import metadata
from playground.model.definitions import JSONObject, Tag, TaskDef
from playground.model.errors import NotFound, PlaygroundError
from playground.model.tags import ResourceType
from playground.store import queries, tags
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.fields import Field, Kind, Section
from playground.web.forms import Form, path_text, read_form, read_query
from playground.web.pages import duration, quoted, redirect, render, runtime
from playground.web.resources import (
    Editing,
    Link,
    confirmed,
    document_of,
    download,
    named_otherwise,
    tabs_of,
    tags_text,
    tags_value,
    taken,
    without_saving,
    words_of,
)
from playground.web.uses import workflows_with_task
from tenants.asgi import signed_in
from tenants.errors import QuotaExceeded

HOME: Final = "/definitions/tasks"
NEW: Final = "/new/task"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDefinitionsPage:
    """`tags` are those in use, as `key:value`; `by_name` those of each definition."""

    search: str
    definitions: tuple[TaskDef, ...]
    total: int
    tag: str = ""
    tags: tuple[str, ...] = ()
    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDefinitionPage:
    edit: Editing
    sentences: tuple[str, ...] = ()
    uses: tuple[Link, ...] = ()


_LOGICS: Final = (
    ("FIXED", "The same each time"),
    ("LINEAR_BACKOFF", "Longer by the same amount each time"),
    ("EXPONENTIAL_BACKOFF", "Twice as long each time"),
)
_POLICIES: Final = (
    ("TIME_OUT_WF", "The execution times out"),
    ("RETRY", "The task is retried"),
    ("ALERT_ONLY", "It is only noted"),
)


def _number(name: str, label: str, hint: str, *, default: str = "", unit: str = "") -> Field:
    return Field(
        name=name,
        label=label,
        kind=Kind.NUMBER,
        hint=hint,
        default=default,
        unit=unit,
        is_short=True,
        placeholder=default or "no limit",
    )


def sections(*, is_new: bool) -> tuple[Section, ...]:
    return (
        Section(
            title="Task",
            fields=(
                Field(
                    name="name",
                    label="Name",
                    required=True,
                    is_fixed=not is_new,
                    hint="The type that workers poll for.",
                ),
                Field(name="description", label="Description"),
                Field(name="ownerEmail", label="Owner", placeholder="someone@example.org"),
                Field(
                    name="tags",
                    label="Tags",
                    kind=Kind.LINES,
                    show=tags_text,
                    read=tags_value,
                    placeholder="team:billing",
                    hint="One `key:value` a line.",
                ),
            ),
        ),
        Section(
            title="Retries",
            about="What happens when a worker says FAILED, or says nothing in time.",
            fields=(
                _number("retryCount", "Retries", "After the first attempt.", default="3"),
                Field(
                    name="retryDelaySeconds",
                    label="Wait before a retry",
                    kind=Kind.NUMBER,
                    default="60",
                    unit="seconds",
                    is_short=True,
                ),
                Field(
                    name="retryLogic",
                    label="The wait is",
                    kind=Kind.CHOICE,
                    choices=_LOGICS,
                    default="FIXED",
                    is_short=True,
                ),
                _number(
                    "backoffScaleFactor",
                    "Linear growth",
                    "Times the wait, for each retry.",
                    default="1",
                ),
                _number(
                    "maxRetryDelaySeconds",
                    "Longest wait",
                    "0 is no limit.",
                    default="0",
                    unit="seconds",
                ),
                _number(
                    "backoffJitterMs",
                    "Spread",
                    "Retries of many do not come at once.",
                    default="0",
                    unit="ms",
                ),
            ),
        ),
        Section(
            title="Time-outs",
            about="A task that no worker takes waits for ever unless a poll time-out is set.",
            fields=(
                _number(
                    "responseTimeoutSeconds",
                    "Response time-out",
                    "A worker must report within this, or the attempt counts as lost.",
                    default="3600",
                    unit="seconds",
                ),
                _number(
                    "timeoutSeconds",
                    "Time-out of an attempt",
                    "From its start to its end. 0 is no limit.",
                    default="0",
                    unit="seconds",
                ),
                _number(
                    "pollTimeoutSeconds",
                    "Poll time-out",
                    "How long it may wait for a worker.",
                    unit="seconds",
                ),
                _number(
                    "totalTimeoutSeconds",
                    "Time-out of all attempts",
                    "With the waits between them. 0 is no limit.",
                    default="0",
                    unit="seconds",
                ),
                Field(
                    name="timeoutPolicy",
                    label="When it times out",
                    kind=Kind.CHOICE,
                    choices=_POLICIES,
                    default="TIME_OUT_WF",
                    is_short=True,
                ),
            ),
        ),
        Section(
            title="Limits",
            about="More than this wait their turn; nothing fails.",
            fields=(
                _number("concurrentExecLimit", "At once", "How many may be in work."),
                _number("rateLimitPerFrequency", "Rate", "How many may start in each window."),
                _number(
                    "rateLimitFrequencyInSeconds",
                    "Window of the rate",
                    "",
                    default="1",
                    unit="seconds",
                ),
            ),
        ),
        Section(
            title="Input and output",
            is_open=False,
            fields=(
                Field(
                    name="inputTemplate",
                    label="Input template",
                    kind=Kind.JSON,
                    default="{}",
                    hint="What tasks of this type get unless their workflow says otherwise.",
                ),
                Field(
                    name="inputKeys",
                    label="Input keys",
                    kind=Kind.LINES,
                    hint="One a line. They document what the worker reads.",
                    is_short=True,
                ),
                Field(
                    name="outputKeys",
                    label="Output keys",
                    kind=Kind.LINES,
                    hint="One a line. What the worker returns.",
                    is_short=True,
                ),
                Field(name="inputSchema.name", label="Input schema", is_short=True),
                Field(name="outputSchema.name", label="Output schema", is_short=True),
                Field(
                    name="enforceSchema",
                    label="Refuse what does not follow its schema",
                    kind=Kind.CHECK,
                ),
            ),
        ),
        Section(
            title="Routing",
            is_open=False,
            fields=(
                Field(
                    name="isolationGroupId",
                    label="Isolation group",
                    hint="Workers of this group alone take it.",
                    is_short=True,
                ),
                Field(name="executionNameSpace", label="Execution name space", is_short=True),
            ),
        ),
    )


def sentences_of(definition: TaskDef) -> tuple[str, ...]:
    """What the policies mean, as one would say it."""
    return (
        _retry_sentence(definition),
        _time_sentence(definition),
        _poll_sentence(definition),
        *_limit_sentences(definition),
    )


def _seconds(count: int) -> str:
    return duration(count * 1000)


def _retry_sentence(one: TaskDef) -> str:
    if not one.retry_count:
        return "A failure is final: there is no retry."
    times = "once" if one.retry_count == 1 else f"up to {one.retry_count} times"
    wait = _seconds(one.retry_delay_seconds)
    growth = {
        "LINEAR_BACKOFF": f"{wait} longer each time",
        "EXPONENTIAL_BACKOFF": f"first after {wait}, then twice as long each time",
    }.get(one.retry_logic, f"each after {wait}")
    most = (
        f", at most {_seconds(one.max_retry_delay_seconds)}" if one.max_retry_delay_seconds else ""
    )
    return f"A failure is retried {times}, {growth}{most}."


def _time_sentence(one: TaskDef) -> str:
    limit = f" and be done within {_seconds(one.timeout_seconds)}" if one.timeout_seconds else ""
    ends = {"RETRY": "is retried", "ALERT_ONLY": "is only noted"}.get(
        one.timeout_policy, "ends the execution"
    )
    return (
        f"A worker must report within {_seconds(one.response_timeout_seconds)}{limit}; "
        f"one that takes longer {ends}."
    )


def _poll_sentence(one: TaskDef) -> str:
    if one.poll_timeout_seconds:
        return f"It waits {_seconds(one.poll_timeout_seconds)} for a worker."
    return "It waits for a worker without limit."


def _limit_sentences(one: TaskDef) -> list[str]:
    found = []
    if one.concurrent_exec_limit:
        found.append(f"At most {one.concurrent_exec_limit} are in work at once.")
    if one.rate_limit_per_frequency:
        window = one.rate_limit_frequency_in_seconds or 1
        found.append(f"At most {one.rate_limit_per_frequency} start in {_seconds(window)}.")
    return found


async def list_definitions(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    async with runtime(request).reading(caller.namespace) as connection:
        definitions = await queries.task_defs(connection)
        names = [one.name for one in definitions]
        by_name = await tags.of_many(connection, ResourceType.TASK_DEF, names)
    if query.text("format") == "json":
        return download([document_of(one) for one in definitions], "task-definitions")
    page = definitions_page(definitions, query.line("q"), by_name, query.line("tag"))
    return await render(request, "task_definitions/list.html", page)


def definitions_page(
    definitions: Sequence[TaskDef],
    search: str,
    by_name: Mapping[str, Sequence[Tag]] | None = None,
    tag: str = "",
) -> TaskDefinitionsPage:
    """`tag` as key:value; "" for any."""
    words = {
        name: tuple(f"{one.key}:{one.value}" for one in found)
        for name, found in (by_name or {}).items()
    }
    found = [
        one
        for one in definitions
        if words_of(search, one.name, one.description)
        and (not tag or tag in words.get(one.name, ()))
    ]
    return TaskDefinitionsPage(
        search=search,
        definitions=tuple(sorted(found, key=lambda one: one.name.casefold())),
        total=len(definitions),
        tag=tag,
        tags=tuple(sorted({one for several in words.values() for one in several})),
        by_name=words,
    )


async def show_new(request: Request) -> Response:
    """An empty form, or one with the policies of another definition."""
    query = read_query(request)
    document: JSONObject = {"name": query.line("name")}
    if query.line("copy"):
        copied = await _known(request, query.line("copy"))
        document = document_of(copied) | {"name": f"{copied.name}-copy"}
    return await _show(request, "", draft_of(sections(is_new=True), document, query.text("tab")))


async def create(request: Request) -> Response:
    form = await read_form(request)
    draft = posted_draft(sections(is_new=True), form, {})
    if (shown := without_saving(form, draft)) is not None:
        return await _show(request, "", shown)
    caller, rt = signed_in(request).member.caller, runtime(request)
    try:
        given = draft.read(TaskDef)
        async with rt.reading(caller.namespace) as connection:
            if await queries.task_def(connection, given.name):
                raise taken("task definition", given.name)
        await metadata.register_task_defs(rt, caller, [given])
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, "", draft.refused(error))
    return redirect(request, f"{HOME}/{quoted(given.name)}?saved=1")


async def show_definition(request: Request) -> Response:
    query, known = read_query(request), await _known(request, path_text(request, "name"))
    if query.text("format") == "json":
        return download(document_of(known), known.name)
    draft = draft_of(sections(is_new=False), document_of(known), query.text("tab"))
    return await _show(request, known.name, draft, known, is_saved=query.text("saved") == "1")


async def change(request: Request) -> Response:
    form, known = await read_form(request), await _known(request, path_text(request, "name"))
    if form.text("verb") == "delete":
        return await _delete(request, form, known)
    draft = posted_draft(sections(is_new=False), form, document_of(known))
    if (shown := without_saving(form, draft)) is not None:
        return await _show(request, known.name, shown, known)
    try:
        given = draft.read(TaskDef)
        named_otherwise("name", given.name, known.name)
        caller = signed_in(request).member.caller
        await metadata.update_task_def(runtime(request), caller, given)
    except (PlaygroundError, QuotaExceeded) as error:
        return await _show(request, known.name, draft.refused(error), known)
    return redirect(request, f"{HOME}/{quoted(known.name)}?saved=1")


async def _delete(request: Request, form: Form, known: TaskDef) -> Response:
    if problem := confirmed(form, known.name):
        draft = draft_of(sections(is_new=False), document_of(known))
        return await _show(request, known.name, draft, known, delete_problem=problem)
    caller = signed_in(request).member.caller
    await metadata.delete_task_def(runtime(request), caller, known.name)
    return redirect(request, HOME)


async def _known(request: Request, name: str) -> TaskDef:
    """The definition with its tags; raises `NotFound`."""
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        found = await queries.task_def(connection, name)
        if found is None:
            raise NotFound
        given = await tags.of(connection, ResourceType.TASK_DEF, name)
    return msgspec.structs.replace(found, tags=given or msgspec.UNSET)


async def _show(
    request: Request,
    name: str,
    draft: Draft,
    known: TaskDef | None = None,
    **fields: Any,
) -> Response:
    caller = signed_in(request).member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        workflows = await queries.workflow_defs(connection, latest_only=True)
    page = replace(
        definition_page(name, draft, known),
        uses=workflows_with_task(workflows, name) if name else (),
    )
    page = replace(page, edit=replace(page.edit, **fields))
    return await render(request, "task_definitions/show.html", page, draft.status)


def definition_page(name: str, draft: Draft, known: TaskDef | None = None) -> TaskDefinitionPage:
    here = f"{HOME}/{quoted(name)}" if name else NEW
    return TaskDefinitionPage(
        edit=Editing(
            section="task_definitions",
            home=HOME,
            home_label="Task Definitions",
            thing="task definition",
            name=name,
            path=here,
            title=name or "New task definition",
            draft=draft,
            tabs=tabs_of(here, draft.tab) if name else (),
            deleting="New tasks of this type get Conductor's defaults.",
            copy_link=f"{NEW}?copy={quoted(name)}" if name else "",
            save_word="Save" if name else "Create task definition",
        ),
        sentences=sentences_of(known or TaskDef()),
    )


routes = [
    Route(HOME, list_definitions),
    Route(NEW, show_new, methods=["GET"]),
    Route(NEW, create, methods=["POST"]),
    Route(HOME + "/{name:path}", show_definition, methods=["GET"]),
    Route(HOME + "/{name:path}", change, methods=["POST"]),
]
