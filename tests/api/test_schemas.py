"""Schemas: registered over HTTP, and enforced on starts, task inputs, task and workflow outputs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from playground.engine import metadata, schemas, tasks, workflows
from playground.engine.runtime import Runtime
from playground.model.definitions import SchemaDef
from playground.model.errors import InvalidFields, Unavailable
from playground.model.requests import ResultStatus, StartWorkflowRequest, TaskResult
from playground.sandbox.client import SandboxClient
from tenants.caller import Caller
from tests.engine.running import execution, finish, poll_one, run, statuses
from tests.support.builders import a_fork, a_join, a_task_def, a_workflow_def, simple
from tests.support.clients import an_api

pytestmark = pytest.mark.anyio

NUMBERS: dict[str, Any] = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}},
}
A_SCHEMA = {"name": "numbers", "version": 1, "type": "JSON", "data": NUMBERS}
INLINE = SchemaDef(name="numbers", version=1, data=NUMBERS)


@pytest.fixture
def checking(rt: Runtime, sandbox: SandboxClient) -> Runtime:
    """A runtime with a sandbox."""
    return replace(rt, sandbox=sandbox)


@pytest.fixture
async def http(checking: Runtime, caller: Caller) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(an_api(checking, caller), client=("127.0.0.1", 50_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("body", [A_SCHEMA, [A_SCHEMA]], ids=["one", "a list"])
async def test_schema_lives_and_dies(body: Any, http: httpx2.AsyncClient) -> None:
    saved = await http.post("/api/schema", json=body)

    assert (saved.status_code, saved.content) == (200, b"")
    one = (await http.get("/api/schema/numbers/1")).json()
    assert {key: one[key] for key in A_SCHEMA} == A_SCHEMA
    assert one["createTime"] > 10**12
    assert (await http.get("/api/schema")).json() == [one]
    assert "data" not in (await http.get("/api/schema?short=true")).json()[0]
    assert (await http.delete("/api/schema/numbers/2")).status_code == 404
    assert (await http.delete("/api/schema/numbers/1")).status_code == 200
    assert (await http.get("/api/schema/numbers")).status_code == 404
    assert (await http.delete("/api/schema/numbers")).status_code == 404


async def test_versions_live_side_by_side(http: httpx2.AsyncClient) -> None:
    await http.post("/api/schema", json=A_SCHEMA)
    await http.post("/api/schema?newVersion=true", json={**A_SCHEMA, "data": {"type": "object"}})
    await http.post("/api/schema", json={"name": "numbers", "version": 7, "type": "AVRO"})

    assert (await http.get("/api/schema/numbers")).json()["version"] == 7
    assert (await http.get("/api/schema/numbers/2")).json()["data"] == {"type": "object"}
    versions = [one["version"] for one in (await http.get("/api/schema")).json()]
    assert versions == [1, 2, 7]
    await http.delete("/api/schema/numbers")
    assert (await http.get("/api/schema")).json() == []


async def test_registering_again_replaces(http: httpx2.AsyncClient) -> None:
    await http.post("/api/schema", json=A_SCHEMA)
    await http.post("/api/schema", json={**A_SCHEMA, "data": {"type": "object"}})

    assert (await http.get("/api/schema/numbers/1")).json()["data"] == {"type": "object"}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param({"name": " "}, "[0].name", id="no name"),
        pytest.param({"version": 0}, "[0].version", id="version 0"),
        pytest.param({"type": "XML"}, "[0].type", id="another type"),
        pytest.param({"data": {"type": "nonsense"}}, "[0].data", id="no schema"),
        pytest.param({"data": {"pattern": "(?=a)"}}, "[0].data", id="a pattern that goes back"),
        pytest.param({"data": {"$ref": "http://127.0.0.1/x"}}, "[0].data", id="a remote one"),
        pytest.param({"data": {"$ref": "file:///etc/passwd"}}, "[0].data", id="a file"),
        pytest.param({"data": {"const": "x" * 40_000}}, "[0].data", id="a huge one"),
    ],
)
async def test_what_is_no_schema_is_refused(
    change: dict[str, Any], path: str, http: httpx2.AsyncClient
) -> None:
    answer = await http.post("/api/schema", json=[{**A_SCHEMA, **change}])

    assert answer.status_code == 400
    assert [one["path"] for one in answer.json()["validationErrors"]] == [path]
    assert "root:" not in answer.text


async def test_namespaces_do_not_meet(checking: Runtime, caller: Caller, stranger: Caller) -> None:
    await schemas.register(checking, caller, [INLINE])

    async with checking.reading(stranger.namespace) as connection:
        assert await schemas.with_data(connection, _started_by("numbers")) == _started_by("numbers")


def _started_by(name: str) -> Any:
    return a_workflow_def([simple("t1")], input_schema=SchemaDef(name=name))


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(INLINE, id="inline"),
        pytest.param(SchemaDef(name="numbers", version=1), id="by version"),
        pytest.param(SchemaDef(name="numbers"), id="the latest"),
    ],
)
async def test_start_with_a_wrong_input_is_refused(
    schema: SchemaDef, checking: Runtime, caller: Caller
) -> None:
    await schemas.register(checking, caller, [INLINE])
    definition = a_workflow_def([simple("t1")], input_schema=schema)
    await metadata.register_workflow(checking, caller, definition)

    with pytest.raises(InvalidFields, match=r"input\.n: the value is not of type") as refused:
        await start(checking, caller, {"n": "five"})
    await start(checking, caller, {"n": 5})

    assert [one.path for one in refused.value.findings] == ["input.n"]


async def start(rt: Runtime, caller: Caller, given: dict[str, Any]) -> str:
    return await workflows.start(rt, caller, StartWorkflowRequest(name="wf", input=given))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"enforce_schema": False, "input_schema": INLINE}, id="not enforced"),
        pytest.param({"input_schema": SchemaDef(name="nobody-knows")}, id="not registered"),
        pytest.param({"input_schema": SchemaDef(name="a", type="AVRO", data={"x": 1})}, id="AVRO"),
    ],
)
async def test_start_is_free(fields: dict[str, Any], rt: Runtime, caller: Caller) -> None:
    assert await run(rt, caller, [simple("t1")], given={"n": "five"}, **fields)


async def test_start_without_a_sandbox_may_be_tried_again(rt: Runtime, caller: Caller) -> None:
    definition = a_workflow_def([simple("t1")], input_schema=INLINE)
    await metadata.register_workflow(rt, caller, definition)

    with pytest.raises(Unavailable):
        await start(rt, caller, {"n": 5})


def strict(name: str, **fields: Any) -> Any:
    return a_task_def(name, enforce_schema=True, **fields)


async def test_wrong_task_input_ends_the_workflow(checking: Runtime, caller: Caller) -> None:
    execution_id = await run(
        checking,
        caller,
        [simple("t1", input_parameters={"n": "${workflow.input.n}", "id": "${CPEWF_TASK_ID}"})],
        task_defs=[strict("T1", input_schema=INLINE)],
        given={"n": "five"},
    )

    ended = await execution(checking, caller, execution_id)
    assert (str(ended.status), [str(task.status) for task in ended.tasks]) == (
        "FAILED",
        ["FAILED_WITH_TERMINAL_ERROR"],
    )
    assert "input.n: the value is not of type" in str(ended.reason_for_incompletion)


async def test_right_task_input_is_handed_out(checking: Runtime, caller: Caller) -> None:
    nodes = [
        a_fork("f", [[simple(ref, name="work", input_parameters={"n": 1})] for ref in ("a", "b")]),
        a_join("j", ["a", "b"]),
    ]
    await run(checking, caller, nodes, task_defs=[strict("work", input_schema=INLINE)])

    handed = await tasks.poll(checking, caller, "work", worker_id="w", count=5)

    assert [task.input_data for task in handed] == [{"n": 1}, {"n": 1}]


async def test_wrong_task_output_is_a_terminal_error(checking: Runtime, caller: Caller) -> None:
    execution_id = await run(
        checking, caller, [simple("t1")], task_defs=[strict("T1", output_schema=INLINE)]
    )

    await finish(checking, caller, await poll_one(checking, caller, "T1"), {"n": "five"})

    ended = await execution(checking, caller, execution_id)
    assert str(ended.status) == "FAILED"
    assert [str(task.status) for task in ended.tasks] == ["FAILED_WITH_TERMINAL_ERROR"]
    assert "output.n" in str(ended.tasks[0].reason_for_incompletion)


async def test_right_task_output_completes(checking: Runtime, caller: Caller) -> None:
    execution_id = await run(
        checking, caller, [simple("t1")], task_defs=[strict("T1", output_schema=INLINE)]
    )

    await finish(checking, caller, await poll_one(checking, caller, "T1"), {"n": 5})

    assert (await execution(checking, caller, execution_id)).output == {"n": 5}


async def test_failure_needs_no_schema(rt: Runtime, caller: Caller) -> None:
    policy = strict("T1", output_schema=INLINE, retry_count=0)
    execution_id = await run(rt, caller, [simple("t1")], task_defs=[policy])

    await finish(rt, caller, await poll_one(rt, caller, "T1"), status=ResultStatus.FAILED)

    assert await statuses(rt, caller, execution_id) == {"t1": "FAILED"}


async def test_result_is_not_lost_without_a_sandbox(
    rt: Runtime, checking: Runtime, caller: Caller
) -> None:
    policy = strict("T1", output_schema=INLINE)
    execution_id = await run(rt, caller, [simple("t1")], task_defs=[policy])
    task = await poll_one(rt, caller, "T1")
    result = TaskResult(
        workflow_instance_id=execution_id,
        task_id=task.task_id,
        status=ResultStatus.COMPLETED,
        output_data={"n": 5},
    )

    with pytest.raises(Unavailable):
        await tasks.update(rt, caller, result)
    await tasks.update(checking, caller, result)

    assert await statuses(checking, caller, execution_id) == {"t1": "COMPLETED"}


@pytest.mark.parametrize(("value", "status"), [(5, "COMPLETED"), ("five", "FAILED")])
async def test_workflow_output_is_checked(
    value: Any, status: str, checking: Runtime, caller: Caller
) -> None:
    execution_id = await run(checking, caller, [simple("t1")], output_schema=INLINE)

    await finish(checking, caller, await poll_one(checking, caller, "T1"), {"n": value})

    ended = await execution(checking, caller, execution_id)
    assert (str(ended.status), ended.output) == (status, {"n": value})


async def test_schema_without_end_is_stopped(checking: Runtime, caller: Caller) -> None:
    """Two ways at each level: two to the power of sixty looks at the deepest one."""
    twice = {"properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["y"]}
    endless = {"$defs": {"a": {"anyOf": [twice, twice]}}, "$ref": "#/$defs/a"}
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"x": deep}
    definition = a_workflow_def([simple("t1")], input_schema=SchemaDef(name="e", data=endless))
    await metadata.register_workflow(checking, caller, definition)

    with pytest.raises(InvalidFields, match="could not be checked"):
        await start(checking, caller, deep)


async def test_pattern_takes_linear_time(checking: Runtime, caller: Caller) -> None:
    slow = SchemaDef(name="s", data={"properties": {"n": {"pattern": "^(a+)+$"}}})
    definition = a_workflow_def([simple("t1")], input_schema=slow)
    await metadata.register_workflow(checking, caller, definition)

    with pytest.raises(InvalidFields, match="does not match"):
        await start(checking, caller, {"n": "a" * 100_000 + "b"})
