"""The verbs of definitions: register, update, validate, delete."""

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider import task_def_findings
from playground.engine import definitions_check, tags
from playground.engine.runtime import Runtime
from playground.model.definitions import TaskDef, WorkflowDef
from playground.model.errors import (
    Conflict,
    Finding,
    InvalidFields,
    NotFound,
    PlaygroundError,
)
from playground.model.tags import ResourceType
from playground.store import definitions
from playground.store import tags as stored_tags
from playground.store.definitions import Author
from tenants import quotas
from tenants.caller import Caller
from tenants.database import Connection


async def register_workflow(
    rt: Runtime,
    caller: Caller,
    definition: WorkflowDef,
    *,
    overwrite: bool = False,
    new_version: bool = False,
) -> int:
    """Create a version; returns its number. `new_version` stores it as the highest plus one.

    Raises `InvalidFields` with every finding, `Conflict` when the version is there already.
    """
    await _check(rt, caller, definition)
    async with rt.unit_of_work(caller.namespace) as connection:
        return await _register(
            rt,
            caller,
            connection,
            definition,
            overwrite=overwrite,
            new_version=new_version,
        )


async def save_edited(
    rt: Runtime,
    caller: Caller,
    definition: WorkflowDef,
    *,
    seen_time: int,
    new_version: bool = False,
) -> int:
    """Save what somebody edited, unless its version changed since they saw it; the version.

    `seen_time` is when the version they replace was last changed, 0 where there was none. Raises
    `InvalidFields` with every finding and `Conflict` when somebody else was faster.
    """
    await _check(rt, caller, definition)
    async with rt.unit_of_work(caller.namespace) as connection:
        # Its row is locked from here on: whoever saves at the same time comes after.
        await definitions.bump_revision(connection, caller.namespace)
        stored = await definitions.workflow(connection, definition.name, definition.version)
        stored_time = changed_at(stored) if stored else 0
        if not new_version and stored_time != seen_time:
            raise Conflict(
                f"Version {definition.version} of {definition.name} was changed by somebody else "
                "in the meantime."
            )
        return await _register(
            rt, caller, connection, definition, overwrite=True, new_version=new_version
        )


def changed_at(definition: WorkflowDef) -> int:
    """When a stored definition was last changed, in milliseconds."""
    return definition.update_time or definition.create_time


async def update_workflows(
    rt: Runtime,
    caller: Caller,
    given: Sequence[WorkflowDef],
    *,
    overwrite: bool = True,
    new_version: bool = False,
) -> tuple[list[str], dict[str, str]]:
    """Create or replace each by itself: (names that worked, name → why it did not).

    Raises `Conflict` before any is written when one is there and may not be overwritten.
    """
    for definition in given:
        definitions_check.check_rights(caller, definition)
    if not overwrite and not new_version:
        await _refuse_existing(rt, caller, given)
    done: list[str] = []
    refused: dict[str, str] = {}
    for definition in given:
        try:
            await register_workflow(
                rt, caller, definition, overwrite=overwrite, new_version=new_version
            )
        except InvalidFields as error:
            refused[definition.name] = "; ".join(finding.message for finding in error.findings)
        except PlaygroundError as error:
            refused[definition.name] = error.message
        else:
            done.append(definition.name)
    return done, refused


async def _refuse_existing(rt: Runtime, caller: Caller, given: Sequence[WorkflowDef]) -> None:
    async with rt.reading(caller.namespace) as connection:
        for definition in given:
            if await definitions.workflow(connection, definition.name, definition.version):
                raise _exists(definition)


def _exists(definition: WorkflowDef) -> Conflict:
    return Conflict(f"Workflow with {definition.name}.{definition.version} already exists!")


async def validate_workflow(rt: Runtime, caller: Caller, definition: WorkflowDef) -> None:
    """Raises `InvalidFields` with everything that is wrong with a definition; stores nothing."""
    await _check(rt, caller, definition)


async def _check(rt: Runtime, caller: Caller, definition: WorkflowDef) -> None:
    definitions_check.check_rights(caller, definition)
    await definitions_check.check(rt, caller.namespace, definition)
    tags.check(definition.tags or ())


async def delete_workflow(rt: Runtime, caller: Caller, name: str, version: int) -> None:
    """Remove a version. Running executions keep their own copy."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await definitions.delete_workflow(connection, name, version):
            raise NotFound(f"No such workflow definition: {name} version: {version}")
        if not await definitions.latest_versions(connection, [name]):
            await stored_tags.forget(connection, ResourceType.WORKFLOW_DEF, name)
        await definitions.bump_revision(connection, caller.namespace)


async def delete_workflow_versions(rt: Runtime, caller: Caller, name: str) -> int:
    """Remove all versions of a workflow at once; how many there were. Raises `NotFound`."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await definitions.bump_revision(connection, caller.namespace)
        removed = await definitions.delete_workflow_versions(connection, name)
        if not removed:
            raise NotFound(f"No such workflow definition: {name}")
        await stored_tags.forget(connection, ResourceType.WORKFLOW_DEF, name)
    return removed


async def register_task_defs(rt: Runtime, caller: Caller, given: Sequence[TaskDef]) -> None:
    """Create or replace task definitions, all or none."""
    findings = [
        Finding(f"[{index}].{finding.path}", finding.message, finding.invalid_value)
        for index, definition in enumerate(given)
        for finding in task_def_findings(definition)
    ]
    if findings:
        raise InvalidFields(findings)
    for definition in given:
        definitions_check.check_task_rights(caller, definition)
        tags.check(definition.tags or ())
    async with rt.unit_of_work(caller.namespace) as connection:
        await _save_task_defs(rt, caller, connection, given)


async def update_task_def(rt: Runtime, caller: Caller, definition: TaskDef) -> None:
    """Create or replace one task definition.

    Conductor refuses unknown names here; JavaScript workers rely on being able to create.
    """
    if findings := task_def_findings(definition):
        raise InvalidFields(findings)
    definitions_check.check_task_rights(caller, definition)
    tags.check(definition.tags or ())
    async with rt.unit_of_work(caller.namespace) as connection:
        await _save_task_defs(rt, caller, connection, [definition])


async def delete_task_def(rt: Runtime, caller: Caller, name: str) -> None:
    """Remove a task definition."""
    async with rt.unit_of_work(caller.namespace) as connection:
        if not await definitions.delete_task_def(connection, name):
            raise NotFound("No such task definition")
        await stored_tags.forget(connection, ResourceType.TASK_DEF, name)
        await definitions.bump_revision(connection, caller.namespace)


async def _register(
    rt: Runtime,
    caller: Caller,
    connection: Connection,
    definition: WorkflowDef,
    *,
    overwrite: bool,
    new_version: bool,
) -> int:
    # First, so that everybody who changes this namespace's definitions takes turns on its row.
    await definitions.bump_revision(connection, caller.namespace)
    if new_version:
        latest = await definitions.latest_versions(connection, [definition.name])
        definition = replace(definition, version=latest.get(definition.name, 0) + 1)
    by = Author(caller.namespace, caller.label, rt.now_ms())
    if not await definitions.insert_workflow(connection, definition, by):
        if not overwrite:
            raise _exists(definition)
        await definitions.update_workflow(connection, definition, by)
    elif await definitions.count_workflows(connection) > caller.plan.workflow_definitions:
        raise quotas.exceeded("workflow_definitions", caller.plan.workflow_definitions)
    await _write_tags(connection, caller, ResourceType.WORKFLOW_DEF, definition)
    return definition.version


async def _write_tags(
    connection: Connection, caller: Caller, kind: ResourceType, definition: WorkflowDef | TaskDef
) -> None:
    """The tags that came with a definition, in place of those it had unless it says otherwise."""
    if definition.tags is UNSET:
        return
    await tags.put(
        connection,
        caller.namespace,
        kind,
        definition.name,
        definition.tags,
        overwrite=definition.overwrite_tags is not False,
    )


async def _save_task_defs(
    rt: Runtime, caller: Caller, connection: Connection, given: Sequence[TaskDef]
) -> None:
    await definitions.bump_revision(connection, caller.namespace)
    by = Author(caller.namespace, caller.label, rt.now_ms())
    await definitions.save_task_defs(connection, given, by)
    if await definitions.count_task_defs(connection) > caller.plan.task_definitions:
        raise quotas.exceeded("task_definitions", caller.plan.task_definitions)
    for definition in given:
        await _write_tags(connection, caller, ResourceType.TASK_DEF, definition)
