"""Saving a definition from the editor: first what would change, then storing it.

Whoever saves something that somebody else changed meanwhile is shown how the two differ, and
nothing of either is lost.
"""

from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import drafts, metadata
from playground.engine.drafts import Draft
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowDef
from playground.model.errors import Conflict, PlaygroundError
from playground.problems import problem_of
from playground.store import definitions, queries
from playground.web.definition_editor import editor_again, editor_text, time_of
from playground.web.forms import Form, read_form, whole_number
from playground.web.pages import quoted, redirect, render, runtime
from playground.web.text_diff import DiffLine, counts, diff_lines
from tenants.asgi import signed_in
from tenants.caller import Caller
from tenants.errors import QuotaExceeded


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A way to save: `how` is what the form sends."""

    how: str
    label: str
    hint: str
    seen_time: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewPage:
    """What saving would change. `against` is the version compared with, 0 where there is none."""

    name: str
    target: str
    base_version: int
    seen_time: int
    text: str
    against: int
    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    choices: tuple[Choice, ...]
    running: int
    warnings: int
    conflict: str = ""


async def review(request: Request) -> Response:
    """What saving would change, and the ways to save; nothing is stored."""
    return await _review(request, await read_form(request))


async def _review(request: Request, form: Form, conflict: str = "", status: int = 200) -> Response:
    rt, caller = runtime(request), signed_in(request).member.caller
    draft = await drafts.examine(rt, caller, form.text("definition"))
    if draft.definition is None or not draft.is_valid:
        problem = "It cannot be saved like this: see the findings below."
        return await editor_again(request, form, problem, 400)
    page_of_review = await review_of(rt, caller, draft, form)
    shown = replace(page_of_review, conflict=conflict or page_of_review.conflict)
    return await render(request, "workflow_definitions/review.html", shown, status)


async def review_of(rt: Runtime, caller: Caller, draft: Draft, form: Form) -> ReviewPage:
    """Compares with the version that would be replaced, else with the one that was opened."""
    wanted = draft.definition
    assert wanted is not None
    base = whole_number(form.line("base_version")) or 0
    async with rt.reading(caller.namespace) as connection:
        versions = [one.version for one in await queries.workflow_versions(connection, wanted.name)]
        running = await definitions.running_versions(connection, wanted.name)
        replaced = await queries.workflow_def(connection, wanted.name, wanted.version)
        compared = replaced or await queries.workflow_def(
            connection, wanted.name, base if base in versions else None
        )
    lines = diff_lines(editor_text(compared) if compared else "", editor_text(wanted))
    added, removed = counts(lines)
    unseen = _unseen(form, wanted, replaced, base)
    choices = _choices(wanted, replaced, versions, running)
    return ReviewPage(
        name=form.line("name"),
        target=wanted.name,
        base_version=base,
        seen_time=time_of(form.line("seen_time")),
        text=form.text("definition"),
        against=compared.version if compared else 0,
        lines=lines,
        added=added,
        removed=removed,
        # What the author has not seen is replaced only by choice, never by pressing Enter.
        choices=choices[::-1] if unseen else choices,
        running=running.get(wanted.version, 0),
        warnings=sum(1 for note in draft.notes if note.severity == "warning"),
        conflict=unseen,
    )


def _unseen(form: Form, wanted: WorkflowDef, replaced: WorkflowDef | None, base: int) -> str:
    """What stands under this name and version that the author did not open; "" for nothing."""
    if replaced is None:
        return ""
    if form.line("name") != wanted.name:
        return (
            f"There is a workflow {wanted.name} in version {wanted.version} already. "
            "Below is how yours differs from it."
        )
    if base != wanted.version:
        return (
            f"Version {wanted.version} is there already, and you opened version {base}. "
            "Below is how yours differs from it."
        )
    if time_of(form.line("seen_time")) != metadata.changed_at(replaced):
        return (
            f"Version {wanted.version} was changed after you opened it, perhaps in another tab. "
            "Nothing of yours is lost: below is how the two differ."
        )
    return ""


def _choices(
    wanted: WorkflowDef,
    replaced: WorkflowDef | None,
    versions: list[int],
    running: dict[int, int],
) -> tuple[Choice, ...]:
    following = max(versions, default=0) + 1
    again = Choice(
        how="new",
        label=f"Save as new version {following}",
        hint="Starts without a version take it from now on; the older ones stay.",
        seen_time=0,
    )
    if replaced is None:
        hint = "A new workflow." if not versions else "There is no such version yet."
        label = f"Create version {wanted.version}"
        create = Choice(how="replace", label=label, hint=hint, seen_time=0)
        return (create, again) if versions and wanted.version != following else (create,)
    going_on = running.get(wanted.version, 0)
    hint = (
        f"{going_on:,} running {'execution keeps' if going_on == 1 else 'executions keep'} the "
        "definition they began with."
        if going_on
        else "No execution of it is running."
    )
    overwrite = Choice(
        how="replace",
        label=f"Replace version {wanted.version}",
        hint=hint,
        seen_time=metadata.changed_at(replaced),
    )
    return overwrite, again


async def save(request: Request) -> Response:
    """Store what was reviewed; if somebody else was faster, show the difference to theirs."""
    form = await read_form(request)
    rt, caller = runtime(request), signed_in(request).member.caller
    draft = await drafts.examine(rt, caller, form.text("definition"))
    if draft.definition is None or not draft.is_valid:
        return await _review(request, form)
    how, _, seen_time = form.line("how").partition(":")
    try:
        version = await metadata.save_edited(
            rt, caller, draft.definition, seen_time=time_of(seen_time), new_version=how == "new"
        )
    except Conflict as error:
        note = f"{error.message} Nothing of yours is lost: below is how the two differ."
        return await _review(request, form, note, 409)
    except (PlaygroundError, QuotaExceeded) as error:
        problem = problem_of(error)
        return await _review(request, form, problem.message, problem.status)
    name = quoted(draft.definition.name)
    return redirect(
        request, f"/definitions/workflows/{name}/edit?version={version}&saved={version}"
    )


routes = [
    Route("/definitions/review", review, methods=["POST"]),
    Route("/definitions/save", save, methods=["POST"]),
]
