"""Definitions and executions to draw, small enough to read, plus a strategy for random ones."""

from typing import Any

from hypothesis import strategies as st

from playground.model.definitions import SubWorkflowParams, WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus

TASK_TYPES = (
    "SIMPLE",
    "DYNAMIC",
    "HTTP",
    "HTTP_POLL",
    "INLINE",
    "LAMBDA",
    "JSON_JQ_TRANSFORM",
    "WAIT",
    "WAIT_FOR_WEBHOOK",
    "HUMAN",
    "EVENT",
    "KAFKA_PUBLISH",
    "SET_VARIABLE",
    "START_WORKFLOW",
    "NOOP",
    "YIELD",
    "TERMINATE",
    "SWITCH",
    "DECISION",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "JOIN",
    "EXCLUSIVE_JOIN",
    "DO_WHILE",
    "SUB_WORKFLOW",
    "FORK",
    "BUSINESS_RULE",
    "GET_SIGNED_JWT",
    "GET_WORKFLOW",
    "TERMINATE_WORKFLOW",
    "UPDATE_TASK",
    "UPDATE_SECRET",
    "QUERY_PROCESSOR",
    "PULL_WORKFLOW_MESSAGES",
    "LLM_CHAT_COMPLETE",
    "never_heard_of",
)


def a_task(ref: str, type: str = "SIMPLE", **fields: Any) -> WorkflowTask:
    return WorkflowTask(name=ref, task_reference_name=ref, type=type, **fields)


def a_definition(*tasks: WorkflowTask, name: str = "drawn") -> WorkflowDef:
    return WorkflowDef(name=name, tasks=list(tasks))


def a_record(
    ref: str, status: TaskStatus = TaskStatus.COMPLETED, seq: int = 1, **fields: Any
) -> Task:
    identity = {"task_id": ref, "reference_task_name": ref, "task_def_name": ref}
    return Task(**(identity | {"status": status, "seq": seq} | fields))


def an_execution(*records: Task, status: WorkflowStatus = WorkflowStatus.RUNNING) -> Execution:
    return Execution(tasks=list(records), status=status)


POPULATION = a_definition(
    a_task("get_population", "HTTP", input_parameters={"http_request": {"method": "GET"}}),
    a_task(
        "fork",
        "FORK_JOIN",
        fork_tasks=[
            [a_task("max", "JSON_JQ_TRANSFORM")],
            [a_task("min", "JSON_JQ_TRANSFORM")],
        ],
    ),
    a_task("join", "JOIN", join_on=["max", "min"]),
    name="PopulationMaxMin",
)

EVERYTHING = a_definition(
    a_task("event", "EVENT", sink="conductor:orders"),
    a_task(
        "loop",
        "DO_WHILE",
        loop_over=[a_task("poll", "HTTP"), a_task("pause", "WAIT")],
    ),
    a_task(
        "route",
        "SWITCH",
        decision_cases={
            "education": [a_task("school"), a_task("verify")],
            "property": [],
            "reject": [a_task("stop", "TERMINATE")],
        },
        default_case=[a_task("business")],
    ),
    a_task("fan_out", "FORK_JOIN_DYNAMIC"),
    a_task("fan_in", "JOIN"),
    a_task(
        "fork",
        "FORK_JOIN",
        fork_tasks=[
            [a_task("approve", "HUMAN")],
            [
                a_task(
                    "child",
                    "SUB_WORKFLOW",
                    sub_workflow_param=SubWorkflowParams(
                        name="inner", workflow_definition=a_definition(a_task("inside"))
                    ),
                )
            ],
            [a_task("not_waited_for", "SET_VARIABLE")],
        ],
    ),
    a_task("join", "JOIN", join_on=["approve", "child"]),
    a_task("other", "SUB_WORKFLOW", sub_workflow_param=SubWorkflowParams(name="elsewhere")),
    name="everything",
)


def dynamic_children(count: int, status: TaskStatus = TaskStatus.COMPLETED) -> list[Task]:
    """Records of `fan_out`, `count` children and `fan_in`, as one fork makes them."""
    children = [a_record(f"child_{at}", status, seq=11 + at) for at in range(count)]
    return [
        a_record("fan_out", seq=10, task_type="FORK"),
        *children,
        a_record("fan_in", TaskStatus.IN_PROGRESS, seq=11 + count, task_type="JOIN"),
    ]


_references = st.text(min_size=0, max_size=12)


def _nested(tasks: st.SearchStrategy[WorkflowTask]) -> st.SearchStrategy[WorkflowTask]:
    body = st.lists(tasks, max_size=3)
    return st.builds(
        WorkflowTask,
        name=st.text(max_size=30),
        task_reference_name=_references,
        type=st.sampled_from(TASK_TYPES),
        fork_tasks=st.lists(body, max_size=3),
        decision_cases=st.dictionaries(st.text(max_size=40), body, max_size=3),
        default_case=body,
        loop_over=body,
        join_on=st.lists(_references, max_size=2),
    )


plain_tasks = st.builds(
    WorkflowTask,
    name=st.text(max_size=30),
    task_reference_name=_references,
    type=st.sampled_from(TASK_TYPES),
)
random_tasks = st.lists(st.recursive(plain_tasks, _nested, max_leaves=12), max_size=4)
random_definitions = st.builds(WorkflowDef, name=st.text(max_size=20), tasks=random_tasks)


@st.composite
def random_executions(draw: st.DrawFn) -> tuple[WorkflowDef, Execution]:
    """A definition and any records at all: of its tasks, of unknown ones, in any status."""
    definition = draw(random_definitions)
    known = [task.task_reference_name for task in definition.all_tasks()]
    references = st.sampled_from(known) | _references if known else _references
    records = st.builds(
        Task,
        reference_task_name=references,
        task_def_name=st.text(max_size=10),
        task_type=st.sampled_from(TASK_TYPES),
        status=st.sampled_from(TaskStatus),
        seq=st.integers(0, 30),
        retry_count=st.integers(0, 5),
        iteration=st.integers(0, 3),
    )
    status = draw(st.sampled_from(WorkflowStatus))
    return definition, an_execution(*draw(st.lists(records, max_size=20)), status=status)
