"""Schemas in the browser: versions, who uses one, and a document held against it."""

from dataclasses import replace

import pytest

from playground.engine import metadata
from playground.engine.runtime import Runtime
from playground.model.definitions import SchemaDef, WorkflowDef, WorkflowTask
from playground.sandbox.client import SandboxClient
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio
HERE, NEW = "/definitions/schemas", "/new/schema"
DATA = '{"type": "object", "properties": {"orderId": {"type": "integer"}}, "required": ["orderId"]}'
FIELDS = {"name": "order", "type": "JSON", "data": DATA}


@pytest.fixture
def rt(rt: Runtime, sandbox: SandboxClient) -> Runtime:
    """With a sandbox, which is who reads schemas."""
    return replace(rt, sandbox=sandbox)


async def test_saving_again_is_the_next_version(ada: Visitor) -> None:
    await ada.post(NEW, FIELDS, form=HERE)
    again = await ada.post(NEW, FIELDS, form=HERE)
    await ada.post(f"{HERE}/order", FIELDS | {"data": '{"type": "object"}'}, form=HERE)

    assert "There is a schema order already" in words(again.text)
    assert "2 of 2" in await ada.text(HERE)
    assert "orderId" in (await ada.get(f"{HERE}/order?version=1&tab=json")).text
    assert (await ada.get(f"{HERE}/order?version=3")).status_code == 404


async def test_schema_that_is_none_is_refused(ada: Visitor) -> None:
    answer = await ada.post(NEW, FIELDS | {"data": '{"type": "nonsense"}'}, form=HERE)

    assert answer.status_code == 400
    assert 'id="f-data-problem" role="alert"' in answer.text


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        ('{"orderId": 7}', "It follows the schema."),
        ('{"orderId": "seven"}', "document.orderId"),
        ("[]", "Inputs and outputs are JSON objects"),
        ("{", "Malformed JSON"),
    ],
    ids=["follows", "breaks", "list", "no-json"],
)
async def test_document_is_tried(ada: Visitor, document: str, verdict: str) -> None:
    await ada.post(NEW, FIELDS, form=HERE)

    answer = await ada.post(
        f"{HERE}/order", {"verb": "send", "document_to_try": document}, form=HERE
    )

    assert verdict in words(answer.text)


async def test_definitions_that_name_it_are_shown(ada: Visitor) -> None:
    await ada.post(NEW, FIELDS, form=HERE)
    task = WorkflowTask(name="work", task_reference_name="work_ref")
    definition = WorkflowDef(
        name="takes_orders", tasks=[task], input_schema=SchemaDef(name="order", version=1)
    )
    await metadata.register_workflow(ada.rt, ada.caller, definition)

    assert "takes_orders" in await ada.text(f"{HERE}/order")


async def test_schema_is_deleted_by_name(ada: Visitor, bo: Visitor) -> None:
    await ada.post(NEW, FIELDS, form=HERE)

    wrong = await ada.post(f"{HERE}/order", {"verb": "delete", "typed": "x"}, form=HERE)
    assert (await bo.get(f"{HERE}/order")).status_code == 404
    await ada.post(f"{HERE}/order", {"verb": "delete", "typed": "order"}, form=HERE)

    assert "Nothing was deleted" in words(wrong.text)
    assert "No schemas yet" in await ada.text(HERE)
