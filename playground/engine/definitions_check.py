"""Everything that is wrong with a workflow definition, before it is stored or run.

What needs no help is `playground.decider.validate`. What does is here: whether programs compile,
which only the sandbox may find out, and whether a registered task definition supplies an input that
the definition itself leaves out.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from playground.decider import placed_tasks, scripts_of, syntax_finding, workflow_findings
from playground.engine.runtime import Runtime
from playground.expressions import secret_names
from playground.model.definitions import TaskDef, WorkflowDef, WorkflowTask
from playground.model.errors import Finding, Invalid, InvalidFields
from playground.store import definitions
from tenants import scopes
from tenants.caller import Caller
from tenants.errors import AccessDenied


async def check(rt: Runtime, namespace: str, definition: WorkflowDef) -> None:
    """Raises `InvalidFields` with every finding."""
    if found := await findings(rt, namespace, definition):
        raise InvalidFields(found)


def check_rights(caller: Caller, definition: WorkflowDef) -> None:
    """Raises `AccessDenied` for a definition that does what its author may not do.

    Its tasks act with the rights of the namespace, not of whoever starts it: who has it hand out
    secrets must be allowed to read them, who has it write one to write them.
    """
    if writes_secrets(definition):
        scopes.require(caller, "secret:write")
    check_mentions(caller, definition)
    for task in _all_tasks(definition):
        if task.task_definition is not UNSET:
            _check_metadata(caller, task.task_definition)


def check_task_rights(caller: Caller, definition: TaskDef) -> None:
    """The same for a task definition, which adds to the input of its tasks."""
    check_mentions(caller, definition)
    _check_metadata(caller, definition)


def check_mentions(caller: Caller, *given: Any) -> None:
    """Raises `AccessDenied` when something given asks for secrets that its giver may not read."""
    if "secret:read" in caller.scopes:
        return
    for one in given:
        name = next(secret_names(msgspec.to_builtins(one)), None)
        if name is not None:
            raise AccessDenied(
                f"This asks for the secret {name[:100]}. Only who may read secrets may hand them "
                "out: it needs the scope secret:read, which the roles of this application do not "
                "include."
            )


def _check_metadata(caller: Caller, definition: TaskDef) -> None:
    """Names under `runtimeMetadata` are those of secrets, or of variables where there is none."""
    if definition.runtime_metadata and "secret:read" not in caller.scopes:
        raise AccessDenied(
            f"The task definition {definition.name} hands {definition.runtime_metadata[0][:100]} "
            "to its workers under runtimeMetadata, which may be a secret: that needs the scope "
            "secret:read, which the roles of this application do not include."
        )


def check_given_by_value(definition: WorkflowDef) -> None:
    """Raises `Invalid` for a definition that nobody with the right to vouched for.

    Whatever an execution computes may become the definition of a child, so it writes no secrets.
    """
    if writes_secrets(definition):
        raise Invalid(
            "A workflow with an UPDATE_SECRET task must be registered: as a definition that "
            "another workflow gives along it is not started."
        )


def writes_secrets(definition: WorkflowDef) -> bool:
    """Whether a task of it, or of a definition inside it, is an UPDATE_SECRET."""
    return any(task.type == "UPDATE_SECRET" for task in _all_tasks(definition))


def _all_tasks(definition: WorkflowDef) -> Iterator[WorkflowTask]:
    """Its tasks and those of the sub-workflows that are written out in it."""
    waiting = [definition]
    while waiting:
        for task in waiting.pop().all_tasks():
            yield task
            inner = task.sub_workflow_param and task.sub_workflow_param.workflow_definition
            if isinstance(inner, WorkflowDef):
                waiting.append(inner)


def rights_findings(caller: Caller, definition: WorkflowDef) -> list[Finding]:
    """The same for an editor: at the tasks that write secrets, else at the whole."""
    try:
        check_rights(caller, definition)
    except AccessDenied as error:
        placed, _ = placed_tasks(definition)
        paths = [each.path for each in placed if each.task.type == "UPDATE_SECRET"]
        return [Finding(f"{path}.type", error.message) for path in paths] or [
            Finding("", error.message)
        ]
    return []


async def findings(rt: Runtime, namespace: str, definition: WorkflowDef) -> list[Finding]:
    """Everything that is wrong. Without a sandbox programs are not looked at."""
    found = workflow_findings(definition)
    if found:
        async with rt.reading(namespace) as connection:
            names = {task.name for task in definition.all_tasks() if task.name}
            known = await definitions.task_defs_named(connection, names)
        found = workflow_findings(definition, known) if known else found
    return found + await _syntax_findings(rt, namespace, definition)


async def _syntax_findings(rt: Runtime, namespace: str, definition: WorkflowDef) -> list[Finding]:
    scripts = scripts_of(definition)
    if not scripts:
        return []
    problems = await rt.sandbox.check(namespace, ((one.kind, one.program) for one in scripts))
    return [
        syntax_finding(script, problem.message, problem.line)
        for script in scripts
        if (problem := problems.get((script.kind, script.program))) is not None
    ]
