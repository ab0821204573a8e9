"""Everything that is wrong with a workflow definition, before it is stored or run.

What needs no help is `playground.decider.validate`. What does is here: whether programs compile,
which only the sandbox may find out, and whether a registered task definition supplies an input that
the definition itself leaves out.
"""

from playground.decider import scripts_of, syntax_finding, workflow_findings
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowDef
from playground.model.errors import Finding, InvalidFields
from playground.store import definitions
from tenants import scopes
from tenants.caller import Caller


async def check(rt: Runtime, namespace: str, definition: WorkflowDef) -> None:
    """Raises `InvalidFields` with every finding."""
    if found := await findings(rt, namespace, definition):
        raise InvalidFields(found)


def check_rights(caller: Caller, definition: WorkflowDef) -> None:
    """Raises `AccessDenied` for a definition that does what its author may not do.

    Its tasks act with the rights of the namespace, not of whoever starts it.
    """
    if any(task.type == "UPDATE_SECRET" for task in definition.all_tasks()):
        scopes.require(caller, "secret:write")


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
