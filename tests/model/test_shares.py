"""What a shared copy keeps and what it leaves out, and where its link comes from."""

from msgspec import UNSET
from msgspec.structs import replace

from playground.model.definitions import TaskDef, WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task
from playground.model.shares import MASK, SharedContent, share_id, without_private

DEFINITION = WorkflowDef(
    name="wf",
    owner_email="ada@example.com",
    created_by="ada",
    tasks=[
        WorkflowTask(
            name="call",
            task_reference_name="call_ref",
            type="HTTP",
            input_parameters={
                "http_request": {
                    "uri": "https://example.com",
                    "headers": {"X-Mine": "abc", "Accept": "text/plain", "Other": "${workflow.x}"},
                    "body": {"password": "hunter2", "token": "", "user": "ada"},
                }
            },
        )
    ],
)
RUN = Execution(
    workflow_id="run-1",
    created_by="ada",
    input={"apiKey": "k-1", "n": 1},
    tasks=[
        Task(
            reference_task_name="call_ref",
            worker_id="adas-laptop",
            output_data={"response": {"headers": {"Set-Cookie": ["a=b"]}, "body": {"ok": True}}},
        )
    ],
)


def test_headers_and_telling_fields_are_masked() -> None:
    shown = without_private(SharedContent(definition=DEFINITION)).definition

    request = shown.tasks[0].input_parameters["http_request"]
    assert request["headers"] == {
        "X-Mine": MASK,
        "Accept": "text/plain",
        "Other": "${workflow.x}",
    }
    assert request["body"] == {"password": MASK, "token": "", "user": "ada"}


def test_people_and_machines_are_left_out() -> None:
    content = SharedContent(
        definition=DEFINITION,
        task_defs=[TaskDef(name="call", owner_email="ada@example.com")],
        input=RUN.input,
        execution=RUN,
    )

    shown = without_private(content)

    assert (shown.definition.owner_email, shown.definition.created_by) == (UNSET, UNSET)
    assert shown.task_defs[0].owner_email is UNSET
    assert shown.input == {"apiKey": MASK, "n": 1}
    assert shown.execution
    assert (shown.execution.created_by, shown.execution.tasks[0].worker_id) == (UNSET, UNSET)
    assert shown.execution.tasks[0].output_data == {
        "response": {"headers": {"Set-Cookie": MASK}, "body": {"ok": True}}
    }


def test_the_same_has_the_same_link_and_anything_else_another() -> None:
    content = SharedContent(definition=DEFINITION)
    changed = SharedContent(definition=replace(DEFINITION, version=2))

    assert share_id("ada", content) == share_id("ada", content)
    others = {share_id("ada", changed), share_id("bo", content)}
    assert share_id("ada", content) not in others
    assert len(share_id("ada", content)) == 16
