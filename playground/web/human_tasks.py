"""Human tasks: the inbox, and one task with its form, to claim, complete, release or pass on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import human_tasks, schemas
from playground.model.definitions import JSONObject
from playground.model.errors import Finding, Invalid, InvalidFields, PlaygroundError
from playground.model.human_tasks import (
    HumanState,
    HumanTaskAssignment,
    HumanTaskEntry,
    HumanTaskSearch,
    HumanTaskTemplate,
    HumanTaskUser,
    SearchType,
    UserType,
)
from playground.problems import problem_of
from playground.store import human_tasks as stored
from playground.web.drafts import Draft, draft_of, posted_draft
from playground.web.forms import Form, page_number, path_text, read_form, read_query
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.resources import Link
from playground.web.schema_forms import ANSWER, form_sections
from playground.web.search_form import Pager, pager_of
from tenants.asgi import signed_in
from tenants.caller import Caller
from tenants.errors import QuotaExceeded

HOME: Final = "/human-tasks"
PAGE_SIZE: Final = 25
OPEN: Final = [HumanState.PENDING, HumanState.ASSIGNED, HumanState.IN_PROGRESS]
_LISTS: Final = (("inbox", "Inbox"), ("open", "All open"), ("done", "Done"))


@dataclass(frozen=True, kw_only=True, slots=True)
class InboxPage:
    """`which` is inbox, open or done."""

    which: str
    tabs: tuple[Link, ...]
    entries: tuple[HumanTaskEntry, ...]
    pager: Pager
    search: str
    me: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class HumanTaskPage:
    """`draft` is None when the task has ended; `problem` is what was refused last."""

    entry: HumanTaskEntry
    draft: Draft | None
    has_form: bool
    me: frozenset[str]
    form_name: str = ""
    problem: str = ""
    is_saved: bool = False

    @property
    def path(self) -> str:
        return f"{HOME}/{quoted(self.entry.task_id)}"

    @property
    def is_mine(self) -> bool:
        claimant = self.entry.claimant
        return bool(claimant) and claimant is not UNSET and claimant.user in self.me

    @property
    def others(self) -> int:
        """How many more are asked when this assignment is passed on."""
        return len(self.entry.human_task_def.assignments)


async def list_tasks(request: Request) -> Response:
    caller, query = signed_in(request).member.caller, read_query(request)
    which = query.text("list") if query.text("list") in dict(_LISTS) else "inbox"
    number, names = page_number(query.text("page")), human_tasks.names_of(caller)
    wanted = HumanTaskSearch(
        states=OPEN if which != "done" else [one for one in HumanState if one.terminal],
        search_type=SearchType.INBOX if which == "inbox" else SearchType.ADMIN,
        full_text_query=query.line("q")[:200],
        start=(number - 1) * PAGE_SIZE,
        size=PAGE_SIZE,
    )
    async with runtime(request).reading(caller.namespace) as connection:
        total, found = await stored.search(connection, wanted, names)
    page = InboxPage(
        which=which,
        tabs=_tabs(which, total),
        entries=tuple(found),
        pager=pager_of(query.pairs, number, len(found), total, PAGE_SIZE),
        search=query.line("q"),
        me=names,
    )
    return await render(request, "human_tasks/list.html", page)


def _tabs(which: str, total: int) -> tuple[Link, ...]:
    return tuple(
        Link(
            label=label,
            link=f"?list={name}",
            is_current=name == which,
            count=total if name == which else None,
        )
        for name, label in _LISTS
    )


async def show_task(request: Request) -> Response:
    query = read_query(request)
    entry, form = await _entry(request)
    page = task_page(entry, form, human_tasks.names_of(signed_in(request).member.caller))
    page = replace(page, is_saved=query.text("saved") == "1")
    return await render(request, "human_tasks/show.html", page)


async def change(request: Request) -> Response:
    """What somebody can do with a task: claim, release, pass on, ask others, save, complete."""
    form, (entry, template) = await read_form(request), await _entry(request)
    caller = signed_in(request).member.caller
    names = human_tasks.names_of(caller)
    draft = _posted(entry, template, form)
    try:
        path = await _carry_out(request, caller, entry, template, form, draft)
    except (PlaygroundError, QuotaExceeded) as error:
        page = task_page(entry, template, names)
        if form.text("verb") in ("save", "complete") and page.draft is not None:
            page = replace(page, draft=draft.refused(error))
        else:
            page = replace(page, problem=problem_of(error).message)
        return await render(request, "human_tasks/show.html", page, problem_of(error).status)
    return redirect(request, path)


async def _carry_out(
    request: Request,
    caller: Caller,
    entry: HumanTaskEntry,
    template: HumanTaskTemplate | None,
    form: Form,
    draft: Draft,
) -> str:
    """Do what the button says; where to go then."""
    rt, task_id = runtime(request), entry.task_id
    here = f"{HOME}/{quoted(task_id)}"
    match form.text("verb"):
        case "claim":
            override = form.text("override") == "true"
            await human_tasks.claim(rt, caller, task_id, override=override)
        case "release":
            await human_tasks.release(rt, caller, task_id)
        case "skip":
            await human_tasks.skip(rt, caller, task_id, form.line("reason"))
        case "reassign":
            await human_tasks.reassign(rt, caller, task_id, [assignment_of(form)])
        case "complete":
            output = _output(draft)
            await _check(request, template, output)
            await human_tasks.update(rt, caller, task_id, output, complete=True)
            return here
        case _:
            await human_tasks.update(rt, caller, task_id, _output(draft), complete=False)
            return f"{here}?saved=1"
    return here


def assignment_of(form: Form) -> HumanTaskAssignment:
    """Who is asked from now on; raises `Invalid`."""
    user, kind = form.line("user"), form.text("user_type")
    if not user:
        raise Invalid("Say who is asked from now on.")
    if kind not in tuple(UserType):
        raise Invalid("Choose a person or a group.")
    return HumanTaskAssignment(assignee=HumanTaskUser(user=user, user_type=UserType(kind)))


def _output(draft: Draft) -> JSONObject:
    """What was filled in; raises `InvalidFields` for what could not be read."""
    if draft.findings:
        raise InvalidFields(list(draft.findings))
    answer = draft.document.get(ANSWER, {}) if draft.sections else draft.document
    return answer if isinstance(answer, dict) else {}


async def _check(request: Request, template: HumanTaskTemplate | None, output: JSONObject) -> None:
    """Raise `InvalidFields` with what of the answer breaks the form's schema."""
    if template is None or not template.json_schema:
        return
    caller = signed_in(request).member.caller
    found = await schemas.problems_of(runtime(request), caller, template.json_schema, output)
    if found:
        raise InvalidFields([_named(one) for one in found])


def _named(finding: Finding) -> Finding:
    """The finding with the path of a field, and without it in its message."""
    message = finding.message.removeprefix(f"{finding.path}: ")
    return Finding(ANSWER + finding.path.removeprefix("document"), message)


async def _entry(request: Request) -> tuple[HumanTaskEntry, HumanTaskTemplate | None]:
    """A task with the form it names; raises `NotFound`."""
    caller, rt = signed_in(request).member.caller, runtime(request)
    entry = await human_tasks.entry(rt, caller, path_text(request, "id"))
    named = entry.human_task_def.user_form_template
    if not named or not named.name:
        return entry, entry.human_task_def.full_template or None
    async with rt.reading(caller.namespace) as connection:
        found = await stored.templates(connection, name=named.name, version=named.version or None)
    return entry, found[-1] if found else None


def task_page(
    entry: HumanTaskEntry, template: HumanTaskTemplate | None, me: frozenset[str]
) -> HumanTaskPage:
    draft = _begun(entry, template)
    return HumanTaskPage(
        entry=entry,
        draft=None if entry.state.terminal else draft,
        has_form=bool(draft.sections),
        me=me,
        form_name=template.name if template else "",
    )


def _begun(entry: HumanTaskEntry, template: HumanTaskTemplate | None) -> Draft:
    """The form with what was saved, else with what the task's input has under the same names."""
    sections = form_sections(template.json_schema, template.template_ui) if template else ()
    if template is None or not sections:
        return draft_of((), entry.output)
    names = template.json_schema["properties"]
    suggested = {name: entry.input[name] for name in names if name in entry.input}
    return draft_of(sections, {ANSWER: suggested | entry.output})


def _posted(entry: HumanTaskEntry, template: HumanTaskTemplate | None, form: Form) -> Draft:
    return posted_draft(_begun(entry, template).sections, form, {ANSWER: entry.output})


def claimable(entry: HumanTaskEntry, me: Sequence[str] | frozenset[str]) -> bool:
    """Whether the caller may take it without overriding somebody."""
    if entry.claimant or entry.state.terminal:
        return False
    asked = entry.assignee
    if not asked:
        return True
    return asked.user_type is UserType.CONDUCTOR_GROUP or asked.user in me


routes = [
    Route(HOME, list_tasks),
    Route(HOME + "/{id}", show_task, methods=["GET"]),
    Route(HOME + "/{id}", change, methods=["POST"]),
]
