"""Expressions on the data of a run: the engine's own rules, and what cannot be read."""

from dataclasses import replace
from typing import Any

import pytest

from playground.engine import expressions, secrets
from playground.engine.environment import put
from playground.engine.expressions import ExpressionAnswer, ExpressionRequest, Language
from playground.engine.runtime import Runtime
from playground.model.errors import InvalidFields, NotFound
from playground.sandbox.client import SandboxClient
from tenants.caller import Caller
from tests.engine.running import finish, poll_one, run
from tests.support.builders import a_task, simple

pytestmark = pytest.mark.anyio


@pytest.fixture
async def started(rt: Runtime, caller: Caller) -> str:
    """`t` is done with `{"items": [{"n": 1}, {"n": 2}]}`; `u` waits with `{"first": 1}`."""
    nodes = [
        a_task("v", "SET_VARIABLE", input_parameters={"k": 7}),
        simple("t"),
        simple("u", input_parameters={"first": "${t.output.items[0].n}"}),
    ]
    started = await run(rt, caller, nodes, given={"name": "anna"})
    await finish(rt, caller, await poll_one(rt, caller, "T"), {"items": [{"n": 1}, {"n": 2}]})
    return started


async def asked(
    rt: Runtime, caller: Caller, started: str, program: str, **fields: Any
) -> ExpressionAnswer:
    return await expressions.evaluate(
        rt, caller, started, ExpressionRequest(program=program, **fields)
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${t.output.items[1].n}", 2),
        ("${t.output.items[*].n}", [1, 2]),
        ("hello ${workflow.input.name}!", "hello anna!"),
        ("${workflow.variables}", {"k": 7}),
        ("${u.status}", "SCHEDULED"),
        ("${workflow.env.SAMPLES_URL}", "http://playground.test/samples"),
    ],
)
async def test_references_read_the_run(
    rt: Runtime, caller: Caller, started: str, expression: str, value: Any
) -> None:
    assert await asked(rt, caller, started, expression) == ExpressionAnswer(
        outcome="OK", value=value
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("${nobody.output.x}", "`nobody` is neither `workflow` nor a task that has run."),
        ("${t.output.missing}", "It leads nowhere in this run, so a task would get null."),
        ("t.output", "There is no `${…}` in it, so it is text and stays as it is."),
        ("${t.output.items[?}", "`t.output.items[?` is not a path."),
    ],
)
async def test_what_leads_nowhere_is_explained(
    rt: Runtime, caller: Caller, started: str, expression: str, message: str
) -> None:
    answer = await asked(rt, caller, started, expression)

    assert (answer.outcome, answer.message) == ("OK", message)


async def test_variables_of_the_environment_are_looked_up(
    rt: Runtime, caller: Caller, started: str
) -> None:
    await put(rt, caller, "REGION", "eu")

    assert (await asked(rt, caller, started, "${workflow.env.REGION}")).value == "eu"


async def test_secrets_stay_as_they_are_written(rt: Runtime, caller: Caller, started: str) -> None:
    await secrets.put(rt, caller, "token", "very-secret")

    answer = await asked(rt, caller, started, "${workflow.secrets.token}")

    assert answer.value == "${workflow.secrets.token}"


async def test_a_strangers_run_and_an_empty_program_are_refused(
    rt: Runtime, caller: Caller, stranger: Caller, started: str
) -> None:
    with pytest.raises(NotFound):
        await asked(rt, stranger, started, "${workflow.input}")
    with pytest.raises(InvalidFields):
        await asked(rt, caller, started, "  ")
    with pytest.raises(NotFound):
        await asked(rt, caller, started, ".", language=Language.JQ, task_reference_name="nobody")


async def test_an_evaluator_that_is_away_is_said_kindly(
    rt: Runtime, caller: Caller, started: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.sandbox.client._CONNECT_SECONDS", 0)

    answer = await asked(rt, caller, started, ".", language=Language.JQ)

    assert answer.outcome == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("language", "program", "fields", "value"),
    [
        ("jq", ".input.name", {}, "anna"),
        ("jq", ".first + 1", {"task_reference_name": "u"}, 2),
        ("jq", ".[].n", {"input": "${t.output.items}"}, [1, 2]),
        ("javascript", "$.variables.k * 6", {}, 42),
        ("javascript", "$.a.length", {"input": {"a": "${t.output.items}"}}, 2),
    ],
)
async def test_programs_run_in_the_sandbox(
    rt: Runtime,
    caller: Caller,
    started: str,
    sandbox: SandboxClient,
    language: str,
    program: str,
    fields: dict[str, Any],
    value: Any,
) -> None:
    there = replace(rt, sandbox=sandbox)

    answer = await asked(there, caller, started, program, language=Language(language), **fields)

    assert (answer.outcome, answer.value) == ("OK", value)


async def test_what_a_program_does_wrong_is_an_answer(
    rt: Runtime, caller: Caller, started: str, sandbox: SandboxClient
) -> None:
    answer = await asked(
        replace(rt, sandbox=sandbox), caller, started, "nope()", language=Language.JAVASCRIPT
    )

    assert answer.outcome == "ERROR"
    assert "nope" in answer.message
