"""Pins who may hand out and write secrets: who wrote the definition, never who feeds it.

A key that may not read secrets gets none by writing a definition, a schedule or a task's input that
asks for one; text that comes from outside asks for none whatever way it is put together; and which
secret UPDATE_SECRET writes stands in the definition.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import to_builtins

from playground.engine import environment, metadata, schedules, secrets, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SubWorkflowParams, WorkflowDef
from playground.model.errors import InvalidFields
from playground.model.execution import TaskStatus
from playground.model.requests import (
    RerunWorkflowRequest,
    SkipTaskRequest,
    StartWorkflowRequest,
    UpgradeWorkflowRequest,
)
from tenants.caller import Caller
from tenants.errors import AccessDenied
from tests.engine.running import execution, poll_one, run, settle
from tests.engine.scheduling import a_schedule
from tests.support.builders import a_join, a_task, a_task_def, a_workflow_def, simple

pytestmark = pytest.mark.anyio

VALUE = "correct-horse-battery-staple"
ASKS = "${workflow.secrets.K}"

Write = Callable[[Runtime, Caller], Awaitable[Any]]


@pytest.fixture
async def author(rt: Runtime, caller: Caller) -> Caller:
    """Who may do everything but read or write secrets; there is one, K."""
    await secrets.put(rt, caller, "K", VALUE)
    return replace(caller, scopes=caller.scopes - {"secret:read", "secret:write"})


def asking(**fields: Any) -> WorkflowDef:
    return a_workflow_def([simple("a", input_parameters={"x": [ASKS]})], **fields)


def by_value(definition: WorkflowDef | str) -> Any:
    params = SubWorkflowParams(name="inner", workflow_definition=definition)
    return a_task("sub", "SUB_WORKFLOW", sub_workflow_param=params)


def updating(key: Any, ref: str = "s") -> Any:
    given = {"_secrets": {"secretKey": key, "secretValue": "${workflow.input.value}"}}
    return a_task(ref, "UPDATE_SECRET", input_parameters=given)


def registers(definition: WorkflowDef) -> Write:
    return lambda rt, caller: metadata.register_workflow(rt, caller, definition)


def saves_schedule(**request: Any) -> Write:
    schedule = a_schedule(request=StartWorkflowRequest(name="wf", **request))
    return lambda rt, caller: schedules.save(rt, caller, schedule)


WITH_METADATA = a_task_def("work", runtime_metadata=["K"])
WRITES: dict[str, Write] = {
    "a definition": registers(asking()),
    "a sub-workflow written out": registers(a_workflow_def([by_value(asking())])),
    "an output": registers(a_workflow_def([simple("a")], output_parameters={"o": f"is {ASKS}"})),
    "runtimeMetadata inside": registers(
        a_workflow_def([simple("a", task_definition=WITH_METADATA)])
    ),
    "definitions": lambda rt, caller: metadata.update_workflows(rt, caller, [asking()]),
    "a definition to validate": lambda rt, caller: metadata.validate_workflow(rt, caller, asking()),
    "a definition with the start": lambda rt, caller: workflows.start(
        rt, caller, StartWorkflowRequest(name="wf", workflow_def=asking())
    ),
    "task definitions": lambda rt, caller: metadata.register_task_defs(rt, caller, [WITH_METADATA]),
    "a task definition": lambda rt, caller: metadata.update_task_def(
        rt, caller, a_task_def("work", input_template={"x": ASKS})
    ),
    "a schedule": saves_schedule(input={"x": ASKS}),
    "a schedule with a definition": saves_schedule(workflow_def=asking()),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_who_may_not_read_secrets_writes_nothing_that_asks(
    rt: Runtime, caller: Caller, author: Caller, write: Write
) -> None:
    with pytest.raises(AccessDenied, match="secret:read"):
        await write(rt, author)

    await write(rt, replace(caller, scopes=caller.scopes - {"secret:write"}))


VERBS: dict[str, Callable[[Runtime, Caller, str], Awaitable[Any]]] = {
    "rerun": lambda rt, caller, one: workflows.rerun(
        rt, caller, one, RerunWorkflowRequest(workflow_input={"x": ASKS})
    ),
    "rerun from a task": lambda rt, caller, one: workflows.rerun(
        rt, caller, one, RerunWorkflowRequest(task_input={"x": ASKS})
    ),
    "skip": lambda rt, caller, one: workflows.skip_task(
        rt, caller, one, "b", SkipTaskRequest(task_output={"x": ASKS})
    ),
    "jump": lambda rt, caller, one: workflows.jump(rt, caller, one, "b", {"x": ASKS}),
    "upgrade": lambda rt, caller, one: workflows.upgrade(
        rt, caller, one, UpgradeWorkflowRequest(name="wf", workflow_input={"x": ASKS})
    ),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
async def test_nor_gives_it_to_a_task_by_a_verb(
    rt: Runtime, author: Caller, verb: Callable[[Runtime, Caller, str], Awaitable[Any]]
) -> None:
    one = await run(rt, author, [simple("a"), simple("b")])

    with pytest.raises(AccessDenied, match="secret K"):
        await verb(rt, author, one)


# Text from outside


async def handed_to_b(rt: Runtime, caller: Caller) -> str:
    await settle(rt, caller)
    return str((await poll_one(rt, caller, "B")).input_data)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("$${workflow.secrets.K}", {}),
        ("${workflow.input.a}${workflow.input.b}", {"a": "$", "b": "{workflow.secrets.K}"}),
        ("$${workflow.input.b}", {"b": "secrets"}),
        ("so: ${workflow.input.a}", {"a": {ASKS: 1}}),
    ],
    ids=["escaped", "two values", "escaped expression", "a name in an object"],
)
async def test_text_put_together_asks_for_nothing(
    rt: Runtime, caller: Caller, author: Caller, text: str, given: dict[str, Any]
) -> None:
    await run(rt, caller, [simple("b", input_parameters={"x": text})], given=given)

    handed = await handed_to_b(rt, caller)

    assert VALUE not in handed
    assert "secrets" in handed or "{" in handed


async def test_names_and_variables_ask_for_nothing(
    rt: Runtime, caller: Caller, author: Caller
) -> None:
    await environment.put(rt, caller, "REGION", ASKS)
    reads = {"c": "${workflow.correlationId}", "e": "${workflow.env.REGION}"}
    definition = a_workflow_def([simple("b", input_parameters=reads)])
    await metadata.register_workflow(rt, caller, definition)

    await workflows.start(rt, caller, StartWorkflowRequest(name="wf", correlation_id=ASKS))

    handed = await handed_to_b(rt, caller)
    assert VALUE not in handed
    assert handed.count("workflow.secrets.K") == 2


async def test_tasks_made_of_an_input_ask_for_nothing(
    rt: Runtime, caller: Caller, author: Caller
) -> None:
    fork = a_task(
        "f",
        "FORK_JOIN_DYNAMIC",
        input_parameters={"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"},
        dynamic_fork_tasks_param="tasks",
        dynamic_fork_tasks_input_param_name="inputs",
    )
    made = {"name": "B", "taskReferenceName": "b", "inputParameters": {"x": ASKS}}
    given = {"tasks": [made], "inputs": {"b": {"y": f"see {ASKS}"}}}

    await run(rt, caller, [fork, a_join("j", [])], given=given)

    handed = await handed_to_b(rt, caller)
    assert VALUE not in handed
    assert handed.count("workflow.secrets.K") == 2


async def test_child_made_of_an_input_asks_for_nothing(
    rt: Runtime, caller: Caller, author: Caller
) -> None:
    child = a_workflow_def([simple("b", input_parameters={"x": ASKS})], name="inner")

    await run(
        rt, caller, [by_value("${workflow.input.child}")], given={"child": to_builtins(child)}
    )

    handed = await handed_to_b(rt, caller)
    assert VALUE not in handed
    assert "workflow.secrets.K" in handed


async def test_secret_goes_through_a_child_whose_author_hands_it_on(
    rt: Runtime, caller: Caller, author: Caller
) -> None:
    inner = a_workflow_def([simple("b", input_parameters={"x": "${workflow.input.t}"})])
    await metadata.register_workflow(rt, caller, inner)
    params = SubWorkflowParams(name="wf", version=1)
    sub = a_task(
        "sub", "SUB_WORKFLOW", sub_workflow_param=params, input_parameters={"t": f"is {ASKS}"}
    )

    await run(rt, caller, [sub], name="outer")

    assert await handed_to_b(rt, caller) == str({"x": f"is {VALUE}"})


# What UPDATE_SECRET writes


@pytest.mark.parametrize("key", ["${workflow.input.key}", "A_${workflow.input.key}", 7])
async def test_an_expression_does_not_choose_the_secret(
    rt: Runtime, caller: Caller, key: Any
) -> None:
    with pytest.raises(InvalidFields) as refused:
        await metadata.register_workflow(rt, caller, a_workflow_def([updating(key)]))

    assert "must stand in the definition" in refused.value.findings[0].message


async def test_value_may_come_from_the_input(rt: Runtime, caller: Caller, author: Caller) -> None:
    await metadata.register_workflow(rt, caller, a_workflow_def([updating("NEW")]))

    request = StartWorkflowRequest(name="wf", input={"value": "hush"})
    await workflows.start(rt, author, request)
    await settle(rt, caller)

    assert await secrets.value_of(rt, caller, "NEW") == "hush"


async def test_rerun_with_another_name_writes_nothing(
    rt: Runtime, caller: Caller, author: Caller
) -> None:
    one = await run(rt, caller, [updating("NEW")], given={"value": "hush"})
    await settle(rt, caller)
    task_id = (await execution(rt, caller, one)).tasks[0].task_id
    other = {"_secrets": {"secretKey": "K", "secretValue": "overwritten"}}

    request = RerunWorkflowRequest(re_run_from_task_id=task_id, task_input=other)
    await workflows.rerun(rt, author, one, request)
    await settle(rt, caller)

    assert (await execution(rt, caller, one)).tasks[0].status is TaskStatus.FAILED
    assert await secrets.value_of(rt, caller, "K") == VALUE


@pytest.mark.parametrize("dynamic", ["fork", "name"])
async def test_task_made_of_an_input_writes_no_secret(
    rt: Runtime, caller: Caller, author: Caller, dynamic: str
) -> None:
    writes = {"_secrets": {"secretKey": "K", "secretValue": "overwritten"}}
    nodes = {
        "fork": [
            a_task(
                "f",
                "FORK_JOIN_DYNAMIC",
                input_parameters={"forkTaskType": "UPDATE_SECRET", "forkTaskInputs": [writes]},
            ),
            a_join("j", []),
        ],
        "name": [
            a_task(
                "d",
                "DYNAMIC",
                dynamic_task_name_param="which",
                input_parameters={"which": "UPDATE_SECRET", **writes},
            )
        ],
    }[dynamic]

    one = await run(rt, author, nodes)
    await settle(rt, caller)

    reasons = [task.reason_for_incompletion for task in (await execution(rt, caller, one)).tasks]
    assert any("its definition names" in str(reason) for reason in reasons)
    assert await secrets.value_of(rt, caller, "K") == VALUE


async def test_child_made_of_an_input_writes_no_secret(
    rt: Runtime, caller: Caller, author: Caller
) -> None:
    child = to_builtins(a_workflow_def([updating("K")], name="inner"))

    one = await run(
        rt,
        author,
        [by_value("${workflow.input.child}")],
        given={"child": child, "value": "overwritten"},
    )
    await settle(rt, caller)

    task = (await execution(rt, caller, one)).tasks[0]
    assert "must be registered" in str(task.reason_for_incompletion)
    assert await secrets.value_of(rt, caller, "K") == VALUE


async def test_nested_definition_that_writes_needs_the_right(rt: Runtime, author: Caller) -> None:
    with pytest.raises(AccessDenied, match="secret:write"):
        await metadata.register_workflow(
            rt, author, a_workflow_def([by_value(a_workflow_def([updating("K")]))])
        )
