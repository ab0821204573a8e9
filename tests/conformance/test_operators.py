"""Every operator in one definition, over the API, through all roles of a real playground."""

import time
from typing import Any

import httpx2
import pytest

PATIENCE_SECONDS = 60

JQ_THAT_MAKES_BRANCHES = (
    '{tasks: [.list[] | {name: "square", taskReferenceName: "d\\(.)", type: "INLINE", '
    'inputParameters: {expression: "$.v * $.v"}}], '
    'inputs: ([.list[] | {key: "d\\(.)", value: {v: .}}] | from_entries)}'
)


def task(ref: str, type: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": type, **fields}


OPERATORS = {
    "name": "operators",
    "version": 1,
    "tasks": [
        task(
            "calc",
            "INLINE",
            inputParameters={
                "evaluatorType": "javascript",
                "expression": "(function () { return {n: $.a + 1, list: [1, 2, 3]}; })()",
                "a": "${workflow.input.a}",
            },
        ),
        task("remember", "SET_VARIABLE", inputParameters={"n": "${calc.output.result.n}"}),
        task(
            "choose",
            "SWITCH",
            evaluatorType="javascript",
            expression="$.n > 3 ? 'big' : 'small'",
            inputParameters={"n": "${workflow.variables.n}"},
            decisionCases={
                "big": [task("big", "INLINE", inputParameters={"expression": "'was big'"})],
                "small": [task("small", "NOOP")],
            },
        ),
        task(
            "loop",
            "DO_WHILE",
            loopCondition="$.loop['iteration'] < 3",
            loopOver=[
                task(
                    "turn",
                    "INLINE",
                    inputParameters={"expression": "$.i * 10", "i": "${loop.output.iteration}"},
                )
            ],
        ),
        task(
            "branches",
            "JSON_JQ_TRANSFORM",
            inputParameters={
                "list": "${calc.output.result.list}",
                "queryExpression": JQ_THAT_MAKES_BRANCHES,
            },
        ),
        task(
            "fork",
            "FORK_JOIN_DYNAMIC",
            dynamicForkTasksParam="tasks",
            dynamicForkTasksInputParamName="inputs",
            inputParameters={
                "tasks": "${branches.output.result.tasks}",
                "inputs": "${branches.output.result.inputs}",
            },
        ),
        task("join", "JOIN"),
        task("child", "SUB_WORKFLOW", subWorkflowParam={"name": "PopulationMaxMin"}),
        task("pause", "WAIT", inputParameters={"duration": "1 s"}),
    ],
    "outputParameters": {
        "n": "${workflow.variables.n}",
        "squares": "${join.output}",
        "turns": "${loop.output.iteration}",
        "largest": "${child.output.maxPopulation.State}",
    },
}


@pytest.mark.timeout(120)
def test_all_operators_run_to_the_output(api: httpx2.Client) -> None:
    api.post("/api/metadata/workflow", json=OPERATORS).raise_for_status()
    workflow_id = api.post("/api/workflow/operators", json={"a": 4}).text

    ended = wait_for_end(api, workflow_id)

    assert (ended["status"], ended.get("reasonForIncompletion")) == ("COMPLETED", None)
    assert ended["output"] == {
        "n": 5,
        "squares": {"d1": {"result": 1}, "d2": {"result": 4}, "d3": {"result": 9}},
        "turns": 3,
        "largest": "California",
    }
    assert [one["referenceTaskName"] for one in ended["tasks"]][2:8] == [
        "choose",
        "big",
        "loop",
        "turn__1",
        "turn__2",
        "turn__3",
    ]


def wait_for_end(api: httpx2.Client, workflow_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    execution: dict[str, Any] = {"status": "RUNNING"}
    while execution["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)
        execution = api.get(f"/api/workflow/{workflow_id}").json()
    return execution
