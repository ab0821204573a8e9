"""The verbs of schemas, and the check of what a workflow is started with.

Schemas of the type JSON are JSON Schema of draft 2020-12. They are users' programs like any other:
the sandbox compiles and validates, with its bounds on time and memory, and without references to
anything outside of the schema. Tasks and outputs are checked by the decider's questions.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from playground.decider import Answer
from playground.decider import schemas as checks
from playground.engine.runtime import Runtime
from playground.model.definitions import (
    JSONObject,
    SchemaDef,
    TaskDef,
    WorkflowDef,
    WorkflowTask,
)
from playground.model.errors import Finding, InvalidFields, NotFound, Unavailable
from playground.store import definitions, schemas
from playground.store.definitions import Author
from tenants import quotas
from tenants.caller import Caller
from tenants.database import Connection

TYPES: Final = ("JSON", "AVRO", "PROTOBUF")
LONGEST: Final = 32_000
"""Bytes of a schema's `data`."""
_MOST_AT_ONCE: Final = 100


async def register(
    rt: Runtime, caller: Caller, given: Sequence[SchemaDef], *, new_version: bool = False
) -> None:
    """Create or replace versions, all or none; `new_version` stores each as its highest plus one.

    Raises `InvalidFields` with every finding, `QuotaExceeded` at the plan's limit.
    """
    findings = [
        Finding(f"[{index}].{path}", f"{path}: {message}")
        for index, schema in enumerate(given)
        for path, message in await _problems(rt, caller.namespace, schema)
    ]
    if len(given) > _MOST_AT_ONCE:
        findings.append(Finding("", f"at most {_MOST_AT_ONCE} schemas can be registered at once"))
    if findings:
        raise InvalidFields(findings, findings[0].message)
    async with rt.unit_of_work(caller.namespace) as connection:
        await definitions.bump_revision(connection, caller.namespace)
        by = Author(caller.namespace, caller.label, rt.now_ms())
        for schema in given:
            version = 1 if schema.version is UNSET else schema.version
            if new_version:
                latest = await schemas.one(connection, schema.name)
                version = (latest.version or 0) + 1 if latest else 1
            await schemas.save(connection, replace(schema, version=version), by)
        if await schemas.count(connection) > caller.plan.schemas:
            raise quotas.exceeded("schemas", caller.plan.schemas)


async def _problems(rt: Runtime, namespace: str, schema: SchemaDef) -> list[tuple[str, str]]:
    found = []
    if not schema.name.strip():
        found.append(("name", "is required"))
    if schema.version is not UNSET and schema.version < 1:
        found.append(("version", "must be at least 1"))
    if schema.type not in TYPES:
        found.append(("type", f"must be one of {', '.join(TYPES)}"))
    if schema.data is UNSET:
        return found
    text = msgspec.json.encode(schema.data)
    if len(text) > LONGEST:
        found.append(("data", f"has {len(text):,} bytes; at most {LONGEST:,} are accepted"))
    elif schema.type == "JSON":
        answer = await _ask(rt, namespace, text.decode(), {})
        if answer.outcome != "OK":
            found.append(("data", answer.message))
    return found


async def delete(rt: Runtime, caller: Caller, name: str, version: int | None = None) -> None:
    """Delete a version, or all. Running executions keep their own copy. Raises `NotFound`."""
    async with rt.unit_of_work(caller.namespace) as connection:
        await definitions.bump_revision(connection, caller.namespace)
        if not await schemas.remove(connection, name, version):
            raise NotFound(unknown(name, version))


def unknown(name: str, version: int | None) -> str:
    """The sentence for a schema that is not there."""
    shown = "" if version is None else f", version: {version}"
    return f"No such schema found by name: {name}{shown}"


async def check_input(
    rt: Runtime, namespace: str, definition: WorkflowDef, given: JSONObject
) -> None:
    """Raise `InvalidFields` naming what in the input breaks the definition's schema."""
    schema = checks.enforced(definition.input_schema, enforce=definition.enforce_schema)
    if schema is None:
        return
    asked = checks.question(schema, given)
    found = checks.findings(await _ask(rt, namespace, asked.program, asked.input), "input")
    if found:
        problems = "; ".join(one.message for one in found)
        raise InvalidFields(
            found, f"The input does not follow the schema {checks.named(schema)}: {problems}"
        )


async def problems_of(
    rt: Runtime, caller: Caller, schema: JSONObject, document: JSONObject
) -> list[Finding]:
    """What in a document breaks a schema, by its path; stores nothing. Raises `Unavailable`."""
    asked = checks.question(SchemaDef(data=schema), document)
    answer = await _ask(rt, caller.namespace, asked.program, asked.input)
    return checks.findings(answer, "document")


async def _ask(rt: Runtime, namespace: str, schema: str, document: JSONObject) -> Answer:
    answer = await rt.sandbox.evaluate(namespace, checks.KIND, schema, document)
    if answer.again:
        raise Unavailable("Schemas cannot be checked at the moment; try again.")
    return Answer(answer.outcome, answer.value, answer.message)


async def with_data(connection: Connection, definition: WorkflowDef) -> WorkflowDef:
    """A frozen definition whose enforced schemas have the data that is registered for them."""
    wanted = {schema.name for schema in _references(definition)}
    if not wanted:
        return definition
    known: dict[tuple[str, Any], SchemaDef] = {}
    for schema in await schemas.named(connection, wanted):
        known[schema.name, schema.version] = schema
        # They come by version: the highest is the last.
        known[schema.name, UNSET] = schema
    changes = _filled(definition, known)
    return replace(definition, tasks=_tasks(definition.tasks, known), **changes)


def _references(definition: WorkflowDef) -> list[SchemaDef]:
    holders: list[WorkflowDef | TaskDef] = [definition]
    holders += [task.task_definition for task in definition.all_tasks() if task.task_definition]
    return [
        schema
        for holder in holders
        if holder.enforce_schema
        for schema in (holder.input_schema, holder.output_schema)
        if schema and schema.data is UNSET and schema.name and schema.type == "JSON"
    ]


def _filled(
    holder: WorkflowDef | TaskDef, known: dict[tuple[str, Any], SchemaDef]
) -> dict[str, Any]:
    if not holder.enforce_schema:
        return {}
    return {
        field: known.get((schema.name, schema.version), schema)
        for field in ("input_schema", "output_schema")
        if (schema := getattr(holder, field)) and schema.data is UNSET
    }


def _tasks(
    tasks: list[WorkflowTask], known: dict[tuple[str, Any], SchemaDef]
) -> list[WorkflowTask]:
    return [_task(task, known) for task in tasks]


def _task(task: WorkflowTask, known: dict[tuple[str, Any], SchemaDef]) -> WorkflowTask:
    changes: dict[str, Any] = {}
    if task.task_definition:
        filled = _filled(task.task_definition, known)
        changes["task_definition"] = replace(task.task_definition, **filled)
    if task.fork_tasks:
        changes["fork_tasks"] = [_tasks(branch, known) for branch in task.fork_tasks]
    if task.decision_cases:
        cases = task.decision_cases.items()
        changes["decision_cases"] = {key: _tasks(case, known) for key, case in cases}
    if task.default_case:
        changes["default_case"] = _tasks(task.default_case, known)
    if task.loop_over:
        changes["loop_over"] = _tasks(task.loop_over, known)
    return replace(task, **changes)
