"""JSON_JQ_TRANSFORM, INLINE and LAMBDA: outputs and the texts of their failures."""

from typing import Any

import pytest

from playground.egress import AddressPolicy, Egress, InProcessLimiter
from playground.executors import EXECUTORS, ExecutorInput, Tools
from playground.executors.inline import NO_EVALUATOR, NO_EXPRESSION
from playground.executors.json_jq_transform import MISSING
from playground.executors.lambda_ import NO_EXPRESSION as NO_SCRIPT
from playground.model.errors import Unavailable
from playground.model.requests import ResultStatus, TaskResult
from playground.model.task_types import RUNNER_BY_TYPE, Runner
from playground.sandbox.client import Evaluation, SandboxClient

pytestmark = pytest.mark.anyio


def _tools(sandbox: Any) -> Tools:
    egress = Egress(
        policy=AddressPolicy(), limiter=InProcessLimiter(), own_origin="http://own.example"
    )
    return Tools(egress, sandbox)


async def run(sandbox: Any, task_type: str, fields: dict[str, Any]) -> TaskResult:
    task = ExecutorInput(
        namespace="ada", execution_id="e", task_id="t", task_type=task_type, input=fields
    )
    return await EXECUTORS[task_type](task, _tools(sandbox))


async def test_every_executor_type_has_an_executor() -> None:
    types = {name for name, runner in RUNNER_BY_TYPE.items() if runner is Runner.EXECUTOR}

    assert set(EXECUTORS) == types


# ---- JSON_JQ_TRANSFORM


async def test_jq_sees_the_whole_input(sandbox: SandboxClient) -> None:
    fields = {"queryExpression": "([.body.data[]] | max_by(.n)), .queryExpression", "body": {}}
    fields["body"] = {"data": [{"n": 1}, {"n": 3}, {"n": 2}]}

    result = await run(sandbox, "JSON_JQ_TRANSFORM", fields)

    assert result.status is ResultStatus.COMPLETED
    assert result.output_data == {
        "result": {"n": 3},
        "resultList": [{"n": 3}, fields["queryExpression"]],
    }


async def test_jq_that_emits_nothing_has_null(sandbox: SandboxClient) -> None:
    result = await run(sandbox, "JSON_JQ_TRANSFORM", {"queryExpression": "empty"})

    assert result.output_data == {"result": None, "resultList": []}


async def test_jq_without_a_program_has_no_output(sandbox: SandboxClient) -> None:
    result = await run(sandbox, "JSON_JQ_TRANSFORM", {"a": 1})

    assert result.status is ResultStatus.FAILED
    assert (result.reason_for_incompletion, result.output_data) == (MISSING, {})


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (".a.b", 'Cannot index string with string "b"'),
        (".a[0]", "Cannot index string with number"),
        (".a + 1", 'string ("x") and number (1) cannot be added'),
        (".a |", "syntax error"),
        ('"x" * 1e9', "needed more memory"),
        ("repeat(.a * 1000)", "larger than 1 MB"),
        ("def f: f; f", "did not finish within 2 seconds"),
    ],
)
async def test_jq_failure_is_reason_and_error(
    program: str, message: str, sandbox: SandboxClient
) -> None:
    result = await run(sandbox, "JSON_JQ_TRANSFORM", {"queryExpression": program, "a": "x"})

    assert result.status is ResultStatus.FAILED
    assert message in str(result.reason_for_incompletion)
    assert message in result.output_data["error"]


async def test_jq_program_that_is_no_text_fails(sandbox: SandboxClient) -> None:
    result = await run(sandbox, "JSON_JQ_TRANSFORM", {"queryExpression": {"a": 1}})

    assert result.status is ResultStatus.FAILED


# ---- INLINE


@pytest.mark.parametrize(
    "evaluator", [{}, {"evaluatorType": "javascript"}, {"evaluatorType": "graaljs"}]
)
async def test_inline_gives_the_value(evaluator: dict[str, str], sandbox: SandboxClient) -> None:
    fields = {"expression": "$.list.size() + $.n", "list": [1, 2], "n": 3, **evaluator}

    result = await run(sandbox, "INLINE", fields)

    assert result.status is ResultStatus.COMPLETED
    assert result.output_data == {"result": 5}


async def test_value_param_names_an_input(sandbox: SandboxClient) -> None:
    fields = {"evaluatorType": "value-param", "expression": "n", "n": [1]}

    assert (await run(sandbox, "INLINE", fields)).output_data == {"result": [1]}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, NO_EXPRESSION),
        ({"expression": " "}, NO_EXPRESSION),
        ({"expression": "1", "evaluatorType": ""}, NO_EVALUATOR),
        ({"expression": "1", "evaluatorType": None}, NO_EVALUATOR),
        (
            {"expression": "1", "evaluatorType": "cobol"},
            "Unknown evaluator 'cobol' in INLINE task.",
        ),
        ({"expression": "1", "evaluatorType": ["x"]}, "Unknown evaluator"),
        ({"expression": "1", "evaluatorType": "python"}, "Use javascript, or a SIMPLE task"),
        (
            {"expression": "\nfoo"},
            "Error evaluating the script `ReferenceError: foo is not defined` at line 2",
        ),
        ({"expression": "1 +"}, "Error evaluating the script `SyntaxError"),
        ({"expression": "throw 'no'"}, "Error evaluating the script `no`"),
    ],
)
async def test_inline_failure_is_terminal(
    fields: dict[str, Any], reason: str, sandbox: SandboxClient
) -> None:
    result = await run(sandbox, "INLINE", fields)

    assert result.status is ResultStatus.FAILED_WITH_TERMINAL_ERROR
    assert reason in str(result.reason_for_incompletion)
    assert result.output_data == {"error": result.reason_for_incompletion}


async def test_row_092_endless_script_is_interrupted(
    sandbox: SandboxClient,
) -> None:
    result = await run(sandbox, "INLINE", {"expression": "for (;;);"})

    assert result.status is ResultStatus.FAILED
    assert result.reason_for_incompletion == ("Script not evaluated within 2 seconds, interrupted.")


# ---- LAMBDA


async def test_lambda_returns(sandbox: SandboxClient) -> None:
    fields = {"scriptExpression": "if ($.n > 1) { return {more: true}; }", "n": 2}

    result = await run(sandbox, "LAMBDA", fields)

    assert result.status is ResultStatus.COMPLETED
    assert result.output_data == {"result": {"more": True}}


@pytest.mark.parametrize("script", [None, "", "  ", 5])
async def test_lambda_without_a_script_fails(script: Any, sandbox: SandboxClient) -> None:
    result = await run(sandbox, "LAMBDA", {"scriptExpression": script})

    assert (result.status, result.reason_for_incompletion) == (ResultStatus.FAILED, NO_SCRIPT)


async def test_lambda_failure_may_be_tried_again(sandbox: SandboxClient) -> None:
    result = await run(sandbox, "LAMBDA", {"scriptExpression": "return foo"})

    assert result.status is ResultStatus.FAILED
    assert result.output_data == {"error": "ReferenceError: foo is not defined"}


# ---- a sandbox that is away


class _Elsewhere:
    """A sandbox that cannot answer, for now or for good."""

    def __init__(self, again: bool) -> None:
        self._again = again

    async def evaluate(self, *_: Any) -> Evaluation:
        return Evaluation("UNAVAILABLE", message="switched off", again=self._again)


PROGRAMS = [
    ("JSON_JQ_TRANSFORM", {"queryExpression": "."}),
    ("INLINE", {"expression": "1"}),
    ("LAMBDA", {"scriptExpression": "return 1"}),
]


@pytest.mark.parametrize(("task_type", "fields"), PROGRAMS)
async def test_task_waits_for_a_sandbox_that_comes_back(
    task_type: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(Unavailable):
        await run(_Elsewhere(again=True), task_type, fields)


@pytest.mark.parametrize(("task_type", "fields"), PROGRAMS)
async def test_task_fails_where_code_is_switched_off(
    task_type: str, fields: dict[str, Any]
) -> None:
    result = await run(_Elsewhere(again=False), task_type, fields)

    assert result.status is not ResultStatus.COMPLETED
    assert "switched off" in str(result.reason_for_incompletion)
