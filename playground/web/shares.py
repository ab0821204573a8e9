"""Sharing by link: the form, one's own links, and the pages that anybody with a link may read.

A shared page needs no session and shows a copy, so it asks nothing of the namespace it came from.
The same page shows a run from a downloaded file, which is read and forgotten.
"""

from dataclasses import dataclass
from html import escape

from markupsafe import Markup
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import diagram
from playground.diagram.standalone import standalone
from playground.diagram.svg import TaskLinks
from playground.engine import shares
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import Invalid, NotFound, PlaygroundError
from playground.model.execution import Execution, Task
from playground.model.reading import read
from playground.model.shares import Share, SharedContent, ShareRequest
from playground.model.written import compact
from playground.problems import problem_of
from playground.store import queries
from playground.understand.explanation import Explanation, explain
from playground.web.execution.opened import duration_of
from playground.web.forms import FORM_MAX_BYTES, path_text, read_form, read_query, whole_number
from playground.web.pages import json_text, picture, quoted, redirect, render, runtime, site
from tenants.asgi import CONTENT_SECURITY_POLICY, signed_in
from tenants.errors import QuotaExceeded

MOST_TASKS = 300
EMBEDDABLE = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
FROM_ANYWHERE = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "max-age=300"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ShareFormPage:
    """`what` is a run or a definition; `author` is who will be shown."""

    workflow_id: str
    name: str
    version: int
    title: str
    is_listed: bool
    author: str
    namespace: str
    problem: str = ""

    @property
    def is_run(self) -> bool:
        return bool(self.workflow_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class SharesPage:
    lines: tuple[Share, ...]
    namespace: str
    public_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicPage:
    """What somebody lists for everybody."""

    author: str
    lines: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedTask:
    """A task of the run, or of the definition where nothing ran: then `status` is ""."""

    ref: str
    name: str
    type: str
    status: str
    attempt: int
    duration_ms: int | None
    reason: str
    input: JSONObject
    output: JSONObject
    is_first: bool
    """The first of this reference: the one that the diagram leads to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedPage:
    """`share` is None for a run from a file."""

    share: Share | None
    definition: WorkflowDef
    execution: Execution | None
    input: JSONObject
    svg: Markup
    explanation: Explanation
    tasks: tuple[SharedTask, ...]
    more_tasks: int
    text: str
    link: str
    markdown: str
    embed: str
    is_new: bool
    is_mine: bool
    problem: str = ""

    @property
    def title(self) -> str:
        return (self.share.title if self.share else "") or self.definition.name


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedPage:
    title: str
    svg: Markup
    status: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedPage:
    """The form for a run from a file."""

    text: str = ""
    problem: str = ""


async def show_form(request: Request) -> Response:
    query, session = read_query(request), signed_in(request)
    page = ShareFormPage(
        workflow_id=query.line("execution"),
        name=query.line("workflow"),
        version=whole_number(query.line("version")) or 0,
        title="",
        is_listed=False,
        author=session.member.name,
        namespace=session.member.namespace,
    )
    caller = session.member.caller
    async with runtime(request).reading(caller.namespace) as connection:
        if page.workflow_id:
            found: object = await queries.execution(
                connection, page.workflow_id, include_tasks=False
            )
        else:
            found = await queries.workflow_def(connection, page.name, page.version or None)
    if found is None:
        raise NotFound
    return await render(request, "shares/form.html", page)


async def share(request: Request) -> Response:
    session, form = signed_in(request), await read_form(request)
    page = ShareFormPage(
        workflow_id=form.line("workflowId"),
        name=form.line("name"),
        version=whole_number(form.line("version")) or 0,
        title=form.line("title"),
        is_listed=form.text("listed") == "yes",
        author=session.member.name,
        namespace=session.member.namespace,
    )
    wanted = ShareRequest(
        workflow_id=page.workflow_id,
        name=page.name,
        title=page.title,
        listed=page.is_listed,
        version=page.version or UNSET,
    )
    try:
        made = await shares.share(runtime(request), session.member.caller, wanted)
    except (Invalid, QuotaExceeded) as error:
        problem = problem_of(error)
        failed = ShareFormPage(
            workflow_id=page.workflow_id,
            name=page.name,
            version=page.version,
            title=page.title,
            is_listed=page.is_listed,
            author=page.author,
            namespace=page.namespace,
            problem=problem.message,
        )
        return await render(request, "shares/form.html", failed, problem.status)
    return redirect(request, f"/s/{made.id}?made=1")


async def list_shares(request: Request) -> Response:
    caller = signed_in(request).member.caller
    page = SharesPage(
        lines=tuple(await shares.of(runtime(request), caller)),
        namespace=caller.namespace,
        public_url=site(request).public_url,
    )
    return await render(request, "shares/list.html", page)


async def remove(request: Request) -> Response:
    caller = signed_in(request).member.caller
    await shares.remove(runtime(request), caller, path_text(request, "id"))
    return redirect(request, "/shares")


async def show_shared(request: Request) -> Response:
    return await _show(request)


async def _show(request: Request, problem: str = "", status_code: int = 200) -> Response:
    namespace, found, content = await shares.open_share(runtime(request), path_text(request, "id"))
    if read_query(request).text("format") == "json":
        return _download(content, found)
    caller = request.state.caller
    page = shared_page(
        found,
        content,
        public_url=site(request).public_url,
        is_new=read_query(request).text("made") == "1",
        is_mine=caller is not None and caller.namespace == namespace,
        problem=problem,
    )
    return await render(request, "shares/show.html", page, status_code)


def _download(content: SharedContent, share: Share) -> Response:
    """The definition as a file that any Conductor registers."""
    return Response(
        json_text(compact(content.definition)),
        media_type="application/json",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quoted(share.name)}.json"},
    )


async def show_diagram(request: Request) -> Response:
    """A picture for READMEs, issues and posts on other sites."""
    _, _, content = await shares.open_share(runtime(request), path_text(request, "id"))
    drawn = standalone(_drawn(content))
    return Response(drawn, media_type="image/svg+xml", headers=FROM_ANYWHERE)


async def show_embedded(request: Request) -> Response:
    """The diagram alone, for a frame on another site."""
    _, found, content = await shares.open_share(runtime(request), path_text(request, "id"))
    link = f"{site(request).public_url}/s/{found.id}"
    page = EmbeddedPage(
        title=found.title or found.name,
        svg=picture(_drawn(content)),
        status=str(content.execution.status) if content.execution else "",
        link=link,
    )
    response = await render(request, "shares/embed.html", page)
    response.headers["Content-Security-Policy"] = EMBEDDABLE
    return response


async def fork(request: Request) -> Response:
    caller, shared = signed_in(request).member.caller, path_text(request, "id")
    await read_form(request)
    try:
        own = await shares.fork(runtime(request), caller, shared)
    except NotFound:
        raise
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        return await _show(request, problem.message, problem.status)
    return redirect(request, f"/definitions/workflows/{quoted(own.name)}")


async def show_public(request: Request) -> Response:
    lines = await shares.public(runtime(request), path_text(request, "namespace"))
    page = PublicPage(author=lines[0].author, lines=tuple(lines))
    return await render(request, "shares/public.html", page)


async def show_recorded_form(request: Request) -> Response:
    signed_in(request)
    return await render(request, "shares/recorded.html", RecordedPage())


async def show_recorded(request: Request) -> Response:
    """A run as its JSON tells it; nothing is stored."""
    signed_in(request)
    text = (await read_form(request)).text("file")
    try:
        execution = read(text.encode(), Execution, max_bytes=FORM_MAX_BYTES)
        content = shares.of_run(execution)
        page = shared_page(None, content, public_url=site(request).public_url)
    except PlaygroundError as error:
        problem = problem_of(error)
        failed = RecordedPage(text=text, problem=problem.message)
        return await render(request, "shares/recorded.html", failed, problem.status)
    return await render(request, "shares/show.html", page)


def shared_page(
    share: Share | None,
    content: SharedContent,
    *,
    public_url: str,
    is_new: bool = False,
    is_mine: bool = False,
    problem: str = "",
) -> SharedPage:
    definition, execution = content.definition, content.execution or None
    tasks = _tasks(content)
    link = f"{public_url}/s/{share.id}" if share else ""
    return SharedPage(
        share=share,
        definition=definition,
        execution=execution,
        input=content.input,
        svg=picture(_drawn(content)),
        explanation=explain(definition),
        tasks=tuple(tasks[:MOST_TASKS]),
        more_tasks=max(0, len(tasks) - MOST_TASKS),
        text=json_text(compact(definition)),
        link=link,
        markdown=_markdown(share, content, link) if share else "",
        embed=(
            f'<iframe src="{link}/embed" title="{escape(definition.name)}" width="100%" '
            'height="480" loading="lazy"></iframe>'
            if share
            else ""
        ),
        is_new=is_new,
        is_mine=is_mine,
        problem=problem,
    )


def _drawn(content: SharedContent) -> str:
    told = explain(content.definition).text
    layout = diagram.lay_out(content.definition, content.execution or None)
    return diagram.draw(layout, links=TaskLinks("#task-"), description=told)


def _tasks(content: SharedContent) -> list[SharedTask]:
    if content.execution:
        seen: set[str] = set()
        found = []
        for task in content.execution.tasks:
            found.append(_of_run(task, content.execution, task.reference_task_name not in seen))
            seen.add(task.reference_task_name)
        return found
    return [
        SharedTask(
            ref=task.task_reference_name,
            name=task.name,
            type=task.type,
            status="",
            attempt=1,
            duration_ms=None,
            reason="",
            input=compact(task),
            output={},
            is_first=True,
        )
        for task in content.definition.all_tasks()
    ]


def _of_run(task: Task, execution: Execution, is_first: bool) -> SharedTask:
    return SharedTask(
        ref=task.reference_task_name,
        name=task.task_def_name,
        type=task.task_type,
        status=str(task.status),
        attempt=task.retry_count + 1,
        duration_ms=duration_of(task, execution.end_time or task.update_time),
        reason=task.reason_for_incompletion or "",
        input=task.input_data or {},
        output=task.output_data or {},
        is_first=is_first,
    )


def _markdown(share: Share, content: SharedContent, link: str) -> str:
    """What to paste into an issue: the link, the picture, the definition and the input."""
    what = f"{share.name} version {share.version}"
    parts = [f"[{what}]({link})", f"![Diagram]({link}/diagram.svg)"]
    if content.execution:
        said = f"Status: {content.execution.status}"
        reason = content.execution.reason_for_incompletion
        parts.append(f"{said}, {reason}" if reason else said)
    parts += [_folded("Definition", json_text(compact(content.definition)))]
    if content.input:
        parts += [_folded("Input", json_text(content.input))]
    return "\n\n".join(parts) + "\n"


def _folded(title: str, text: str) -> str:
    fence = "`" * max(3, _longest_run(text, "`") + 1)
    return f"<details><summary>{title}</summary>\n\n{fence}json\n{text}\n{fence}\n\n</details>"


def _longest_run(text: str, character: str) -> int:
    longest = run = 0
    for one in text:
        run = run + 1 if one == character else 0
        longest = max(longest, run)
    return longest


routes = [
    Route("/share", show_form, methods=["GET"]),
    Route("/share", share, methods=["POST"]),
    Route("/shares", list_shares),
    Route("/shares/{id}/remove", remove, methods=["POST"]),
    Route("/s/{id}", show_shared, methods=["GET"]),
    Route("/s/{id}/diagram.svg", show_diagram),
    Route("/s/{id}/embed", show_embedded),
    Route("/s/{id}/fork", fork, methods=["POST"]),
    Route("/by/{namespace}", show_public),
    Route("/recorded", show_recorded_form, methods=["GET"]),
    Route("/recorded", show_recorded, methods=["POST"]),
]
