"""DYNAMIC: a task whose name, and so who runs it, comes from its input."""

from msgspec import UNSET
from msgspec.structs import replace

from playground.decider.domains import domain_of
from playground.decider.mappers.context import (
    MapperContext,
    WorkflowFails,
    delayed,
    new_task,
    plain_input,
    queued_task,
)
from playground.decider.mappers.sub_workflow import version_number
from playground.decider.policies import ad_hoc
from playground.expressions import java_text
from playground.model.definitions import MAX_NAME_CHARACTERS, JSONObject, TaskDef
from playground.model.execution import Task
from playground.model.task_types import Runner, runner_of

_CONTROL_FLOW = frozenset(
    {
        "SWITCH",
        "DECISION",
        "FORK",
        "FORK_JOIN",
        "FORK_JOIN_DYNAMIC",
        "JOIN",
        "EXCLUSIVE_JOIN",
        "DO_WHILE",
        "DYNAMIC",
    }
)


def map_dynamic(context: MapperContext) -> list[Task]:
    parameter = context.task.dynamic_task_name_param or ""
    given = plain_input(context)
    name = given.get(parameter)
    if not isinstance(name, str) or not name:
        raise WorkflowFails(
            "Cannot map a dynamic task based on the parameter and input. "
            f"Parameter= {parameter}, input= {java_text(given)}"
        )
    if len(name) > MAX_NAME_CHARACTERS:
        raise WorkflowFails(
            f"The name of a dynamic task has at most {MAX_NAME_CHARACTERS} characters, "
            f"not {len(name)}"
        )
    if name in _CONTROL_FLOW:
        raise WorkflowFails(f"A DYNAMIC task cannot become a {name}; use a SUB_WORKFLOW for that")
    policy = _policy(context, name)
    resolved = context.for_task(replace(context.task, task_definition=policy))
    if name == "SUB_WORKFLOW":
        return [_sub_workflow(resolved, given)]
    domain = domain_of(context.draft, name) if runner_of(name) is Runner.WORKER else UNSET
    return [queued_task(resolved, task_type=name, task_def_name=name, domain=domain)]


def _policy(context: MapperContext, name: str) -> TaskDef:
    """A definition registered for the entry's name rules, else one for the resolved name."""
    policy = context.policy
    if policy != ad_hoc(context.task.name, context.task.type):
        return policy
    if runner_of(name) is not Runner.WORKER:
        return policy
    return context.draft.task_def(name) or policy


def _sub_workflow(context: MapperContext, given: JSONObject) -> Task:
    child_input = given.get("workflowInput")
    input_data: JSONObject = {
        **given,
        "subWorkflowVersion": version_number(given.get("subWorkflowVersion")),
        "workflowInput": child_input if isinstance(child_input, dict) else given,
    }
    return new_task(
        context,
        task_type="SUB_WORKFLOW",
        task_def_name="SUB_WORKFLOW",
        input_data=input_data,
        **delayed(context),
    )
