"""Which task types exist and who runs a task of each.

A worker task is polled by an outside process. An executor task does I/O or runs user code in our
own executors. An engine task is carried out by the engine itself from a claimed row (a child to
start, an event to publish). The others are settled inside `decide`.
"""

from enum import StrEnum


class Runner(StrEnum):
    WORKER = "WORKER"
    EXECUTOR = "EXECUTOR"
    ENGINE = "ENGINE"
    DECIDER = "DECIDER"


_RUNNERS = {
    Runner.EXECUTOR: (
        "HTTP",
        "HTTP_POLL",
        "JSON_JQ_TRANSFORM",
        "INLINE",
        "LAMBDA",
        "BUSINESS_RULE",
        "GET_SIGNED_JWT",
    ),
    Runner.ENGINE: (
        "SUB_WORKFLOW",
        "START_WORKFLOW",
        "EVENT",
        "GET_WORKFLOW",
        "TERMINATE_WORKFLOW",
        "UPDATE_TASK",
        "QUERY_PROCESSOR",
        "UPDATE_SECRET",
    ),
    Runner.DECIDER: (
        "SWITCH",
        "DECISION",
        "FORK",
        "FORK_JOIN",
        "FORK_JOIN_DYNAMIC",
        "JOIN",
        "EXCLUSIVE_JOIN",
        "DO_WHILE",
        "TERMINATE",
        "SET_VARIABLE",
        "NOOP",
        "WAIT",
        "HUMAN",
        "WAIT_FOR_WEBHOOK",
        "YIELD",
        "PULL_WORKFLOW_MESSAGES",
    ),
}

RUNNER_BY_TYPE: dict[str, Runner] = {
    task_type: runner for runner, task_types in _RUNNERS.items() for task_type in task_types
}


def runner_of(task_type: str) -> Runner:
    """Who runs a *scheduled* task; an unknown type is a worker task of that name."""
    return RUNNER_BY_TYPE.get(task_type, Runner.WORKER)
