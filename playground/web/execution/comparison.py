"""The tab that puts this run beside another one of the same workflow."""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.model.errors import NotFound
from playground.model.execution import Execution
from playground.model.search_query import NEWEST_FIRST, Clause, Operator, SearchRequest
from playground.store import queries
from playground.understand.run_diff import RunDiff, TaskDiff, Verdict, compare
from playground.web.execution.opened import Opened, Reader

MOST_RECENT = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class RecentRun:
    execution: Execution
    link: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareView:
    """`diff` is None until another run is chosen. `versions` are those to try the input on."""

    diff: RunDiff | None
    problem: str
    wanted: str
    recent: tuple[RecentRun, ...]
    versions: tuple[int, ...]
    different: tuple[TaskDiff, ...] = ()
    same: tuple[TaskDiff, ...] = ()


async def read(reader: Reader, opened: Opened) -> CompareView:
    execution, wanted = opened.execution, opened.address.text("with").strip()
    name = Clause("workflow_name", Operator.EQUAL, (execution.workflow_name,))
    search = SearchRequest(clauses=(name,), sort=NEWEST_FIRST, size=MOST_RECENT + 1)
    _, recent = await queries.search_executions(reader.connection, search)
    versions = await queries.workflow_versions(reader.connection, execution.workflow_name)
    diff, problem = None, ""
    if wanted:
        try:
            diff = await _diff(reader, opened, wanted)
        except NotFound:
            problem = "There is no execution with this id."
    return view_of(opened, recent, [one.version for one in versions], diff, problem)


async def _diff(reader: Reader, opened: Opened, wanted: str) -> RunDiff:
    own = await queries.execution(reader.connection, opened.execution.workflow_id)
    other = await queries.execution(reader.connection, wanted)
    if own is None or other is None:
        raise NotFound
    return compare(own, other, opened.now_ms)


def view_of(
    opened: Opened,
    recent: Sequence[Execution],
    versions: Sequence[int],
    diff: RunDiff | None,
    problem: str = "",
) -> CompareView:
    execution, wanted = opened.execution, opened.address.text("with").strip()
    tasks = diff.tasks if diff else []
    return CompareView(
        diff=diff,
        problem=problem,
        wanted=wanted,
        recent=tuple(
            RecentRun(
                execution=one,
                link=opened.address.link(**{"with": one.workflow_id}),
                is_chosen=one.workflow_id == wanted,
            )
            for one in recent
            if one.workflow_id != execution.workflow_id
        )[:MOST_RECENT],
        versions=tuple(sorted(set(versions) - {execution.workflow_version}, reverse=True)),
        different=tuple(task for task in tasks if task.verdict is not Verdict.SAME),
        same=tuple(task for task in tasks if task.verdict is Verdict.SAME),
    )
