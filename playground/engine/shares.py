"""Sharing by link: copies of definitions and recorded runs that anybody with the link may read.

Nothing leaves a namespace unless somebody there shares it; `open_share` is the one way to read it
from outside, and `fork` makes it somebody else's own.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from playground.engine import metadata
from playground.engine.runtime import Runtime
from playground.model.definitions import JSONObject, TaskDef, WorkflowDef
from playground.model.errors import Invalid, NotFound
from playground.model.execution import Execution
from playground.model.shares import (
    Share,
    SharedContent,
    ShareKind,
    ShareRequest,
    share_id,
    without_private,
)
from playground.model.written import compact
from playground.store import queries, shares
from tenants import quotas
from tenants.caller import Caller
from tenants.database import Connection, Role

MOST: Final = 200
MOST_BYTES: Final = 1_000_000
TITLE_MAX_CHARACTERS: Final = 120
_MOST_FORKS: Final = 50
_MOST_POLICIES: Final = 100


async def share(rt: Runtime, caller: Caller, request: ShareRequest) -> Share:
    """Share a definition or an execution; what is masked for readers stays masked.

    Raises `NotFound`, `Invalid` for what is too large, `QuotaExceeded` beyond `MOST`.
    """
    title = " ".join(request.title.split())
    if len(title) > TITLE_MAX_CHARACTERS or not title.isprintable():
        raise Invalid(f"title: at most {TITLE_MAX_CHARACTERS} printable characters")
    content = without_private(await _content(rt, caller, request))
    body = msgspec.json.encode(content)
    if len(body) > MOST_BYTES:
        raise Invalid(
            f"This is {len(body):,} bytes with all its inputs and outputs; at most {MOST_BYTES:,} "
            "can be shared. Share the definition instead, or a run with less data"
        )
    made = Share(
        id=share_id(caller.namespace, content),
        kind=ShareKind.EXECUTION if content.execution else ShareKind.DEFINITION,
        name=content.definition.name,
        version=content.definition.version,
        title=title,
        listed=request.listed,
        author=caller.label,
        create_time=rt.now_ms(),
    )
    async with rt.unit_of_work(caller.namespace) as connection:
        await shares.save(connection, caller.namespace, made, body)
        if await shares.count(connection) > MOST:
            raise quotas.exceeded("shares", MOST)
    return made


async def _content(rt: Runtime, caller: Caller, request: ShareRequest) -> SharedContent:
    if not request.workflow_id and not request.name:
        raise Invalid("workflowId or name: say what to share")
    async with rt.reading(caller.namespace) as connection:
        if request.workflow_id:
            execution = await queries.execution(connection, request.workflow_id)
            if execution is None:
                raise NotFound(f"No such workflow found by id: {request.workflow_id}")
            content = of_run(execution)
            written = await queries.workflow_def(
                connection, execution.workflow_name, execution.workflow_version
            )
            if written is not None and _same_tasks(written, content.definition):
                content = replace(content, definition=written)
        else:
            version = None if request.version is UNSET else request.version
            definition = await queries.workflow_def(connection, request.name, version)
            if definition is None:
                raise NotFound(f"No such workflow found by name: {request.name}")
            content = SharedContent(definition=definition, input=request.input)
        return replace(content, task_defs=await _policies(connection, content.definition))


async def _policies(connection: Connection, definition: WorkflowDef) -> list[TaskDef]:
    names = sorted({task.name for task in definition.all_tasks() if task.type == "SIMPLE"})
    found = [await queries.task_def(connection, name) for name in names[:_MOST_POLICIES]]
    return [one for one in found if one is not None]


def _same_tasks(written: WorkflowDef, ran: WorkflowDef) -> bool:
    """Whether the run followed what is registered now. A run has the policies of that time
    written into its tasks; they are no part of what its author wrote."""
    return bool(_tasks_alone(written) == _tasks_alone(ran))


def _tasks_alone(definition: WorkflowDef) -> Any:
    return _without_policies(msgspec.to_builtins(definition.tasks))


def _without_policies(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_policies(one) for one in value]
    if isinstance(value, dict):
        return {
            name: _without_policies(one) for name, one in value.items() if name != "taskDefinition"
        }
    return value


def of_run(execution: Execution) -> SharedContent:
    """A recorded run by itself: it has its definition with it."""
    definition = execution.workflow_definition or WorkflowDef(
        name=execution.workflow_name, version=execution.workflow_version
    )
    return SharedContent(definition=definition, input=execution.input, execution=execution)


async def of(rt: Runtime, caller: Caller) -> list[Share]:
    """What this namespace shares, the newest first."""
    async with rt.reading(caller.namespace) as connection:
        return await shares.of(connection)


async def remove(rt: Runtime, caller: Caller, shared: str) -> None:
    """The link leads nowhere any more. Raises `NotFound`."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await shares.remove(connection, shared):
            raise NotFound(f"No such share found by id: {shared}")


async def open_share(rt: Runtime, shared: str) -> tuple[str, Share, SharedContent]:
    """Whose it is, and what is behind the link, for anybody who has it. Raises `NotFound`."""
    async with rt.database.transaction(Role.CLAIMS) as connection:
        namespace = await shares.namespace_of(connection, shared)
    if namespace is None:
        raise NotFound("There is nothing behind this link")
    async with rt.reading(namespace) as connection:
        found = await shares.one(connection, shared)
    if found is None:
        raise NotFound("There is nothing behind this link")
    return namespace, *found


async def public(rt: Runtime, namespace: str) -> list[Share]:
    """What a namespace lists for everybody. Raises `NotFound` where it lists nothing."""
    async with rt.reading(namespace) as connection:
        found = await shares.of(connection, listed_only=True)
    if not found:
        raise NotFound("There is nothing here")
    return found


async def fork(rt: Runtime, caller: Caller, shared: str) -> WorkflowDef:
    """The shared definition as the caller's own.

    It keeps its name where that is free or means the same already, else a number is added.
    """
    _, _, content = await open_share(rt, shared)
    name, there = await _free_name(rt, caller, content.definition)
    own = replace(content.definition, name=name, version=1)
    if there is not None:
        return there
    await metadata.register_workflow(rt, caller, own)
    await _add_policies(rt, caller, content.task_defs)
    return own


async def _add_policies(rt: Runtime, caller: Caller, policies: Sequence[TaskDef]) -> None:
    """Those of tasks that the caller has none for."""
    async with rt.reading(caller.namespace) as connection:
        new = [one for one in policies if await queries.task_def(connection, one.name) is None]
    if new:
        await metadata.register_task_defs(rt, caller, new)


async def _free_name(
    rt: Runtime, caller: Caller, definition: WorkflowDef
) -> tuple[str, WorkflowDef | None]:
    """A name for a copy, and the definition that is the same already, if there is one."""
    async with rt.reading(caller.namespace) as connection:
        for number in range(1, _MOST_FORKS):
            name = definition.name if number == 1 else f"{definition.name}_fork{number - 1}"
            there = await queries.workflow_def(connection, name, None)
            if there is None:
                return name, None
            if _told(there) == _told(definition):
                return name, there
    raise Invalid(f"You have {_MOST_FORKS} copies of {definition.name}: delete some of them first")


def _told(definition: WorkflowDef) -> JSONObject:
    plain = without_private(SharedContent(definition=definition)).definition
    return compact(replace(plain, name="", version=1))
