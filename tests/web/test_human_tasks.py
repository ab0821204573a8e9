"""Human tasks in the browser: the inbox, claiming, forms from schemas, passing on, completing."""

from dataclasses import replace
from typing import Any

import pytest

from playground.engine import human_tasks, system
from playground.engine.runtime import Runtime
from playground.model.human_tasks import HumanTaskTemplate
from playground.sandbox.client import SandboxClient
from playground.web.fields import Kind, fill, texts_of, written
from playground.web.schema_forms import form_sections, said
from tests.engine.running import execution, run, take
from tests.support.builders import a_task
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio
HERE = "/human-tasks"
REVIEW = HumanTaskTemplate(
    name="review",
    json_schema={
        "type": "object",
        "properties": {
            "comment": {"type": "string", "maxLength": 1_000},
            "decision": {"type": "string", "enum": ["approve", "reject"]},
            "score": {"type": "integer", "minimum": 1},
        },
        "required": ["decision"],
    },
    template_ui={
        "elements": [{"scope": "#/properties/decision", "label": "What do you say?"}],
    },
)


@pytest.fixture
def rt(rt: Runtime, sandbox: SandboxClient) -> Runtime:
    """With a sandbox, which is who reads schemas."""
    return replace(rt, sandbox=sandbox)


async def asked(visitor: Visitor, **definition: Any) -> tuple[str, str]:
    """A workflow that waits for somebody: its id, and the path of the task's page."""
    given = {"displayName": "First review"} | definition
    node = a_task("ask", "HUMAN", input_parameters={"__humanTaskDefinition": given, "score": 7})
    workflow_id = await run(visitor.rt, visitor.caller, [node])
    while effects := (await take(visitor.rt, visitor.caller))[1]:
        for effect in effects:
            await system.carry_out(visitor.rt, effect)
    task = (await execution(visitor.rt, visitor.caller, workflow_id)).tasks[0]
    return workflow_id, f"{HERE}/{task.task_id}"


async def with_form(visitor: Visitor) -> tuple[str, str]:
    await human_tasks.save_template(visitor.rt, visitor.caller, REVIEW, new_version=True)
    return await asked(visitor, userFormTemplate={"name": "review"})


async def test_task_is_claimed_and_given_back(ada: Visitor) -> None:
    _, path = await asked(ada)

    before = await ada.text(HERE)
    await ada.post(path, {"verb": "claim"}, form=HERE)
    claimed = await ada.text(path)
    await ada.post(path, {"verb": "release"}, form=HERE)

    assert "First review" in before
    assert "Open to all" in before
    assert "Claimed by you" in claimed
    assert "Open to all" in await ada.text(path)


async def test_form_asks_for_what_the_schema_names(ada: Visitor) -> None:
    _, path = await with_form(ada)

    page = (await ada.get(path)).text

    assert page.index("What do you say?") < page.index("Comment")
    assert '<option value="approve">approve</option>' in page
    assert 'name="answer.score" value="7"' in page, "the task's input has it"


async def test_answer_that_breaks_the_schema_stays_as_typed(ada: Visitor) -> None:
    workflow_id, path = await with_form(ada)
    answer = {"answer.score": "0", "answer.decision": "approve", "answer.comment": "as typed"}

    refused = await ada.post(path, answer | {"verb": "complete"}, form=HERE)
    ran = await execution(ada.rt, ada.caller, workflow_id)

    assert refused.status_code == 400
    assert 'id="f-answer-score-problem" role="alert"' in refused.text
    assert "as typed" in refused.text
    assert ran.status == "RUNNING"


async def test_completing_lets_the_workflow_go_on(ada: Visitor) -> None:
    workflow_id, path = await with_form(ada)
    answer = {"answer.score": "3", "answer.decision": "approve"}

    await ada.post(path, answer | {"verb": "save"}, form=HERE)
    saved = await ada.get(path)
    await ada.post(path, answer | {"verb": "complete"}, form=HERE)
    ran = await execution(ada.rt, ada.caller, workflow_id)

    assert '<option value="approve" selected>' in saved.text
    assert ran.status == "COMPLETED"
    assert ran.tasks[0].output_data["decision"] == "approve"
    assert ran.tasks[0].output_data["score"] == 3
    assert "The answer" in await ada.text(path)
    assert "First review" in await ada.text(f"{HERE}?list=done")


async def test_task_without_a_form_takes_json(ada: Visitor) -> None:
    workflow_id, path = await asked(ada)

    wrong = await ada.post(path, {"tab": "json", "document": "[]", "verb": "complete"}, form=HERE)
    await ada.post(path, {"tab": "json", "document": '{"a": 1}', "verb": "complete"}, form=HERE)
    ran = await execution(ada.rt, ada.caller, workflow_id)

    assert "must be a JSON object" in words(wrong.text)
    assert ran.tasks[0].output_data["a"] == 1


async def test_task_is_passed_on(ada: Visitor) -> None:
    _, path = await asked(ada)
    somebody = {"verb": "reassign", "user": "bob@example.org", "user_type": "EXTERNAL_USER"}

    nobody = await ada.post(path, somebody | {"user": ""}, form=HERE)
    await ada.post(path, somebody, form=HERE)

    assert "Say who is asked from now on." in words(nobody.text)
    assert "bob@example.org" in await ada.text(path)
    assert "No task waits for you" in await ada.text(HERE)
    assert "First review" in await ada.text(f"{HERE}?list=open")


async def test_skipping_asks_the_next_one(ada: Visitor) -> None:
    users = [{"assignee": {"user": name, "userType": "EXTERNAL_USER"}} for name in ("bob", "eve")]
    _, path = await asked(ada, assignments=users)

    await ada.post(path, {"verb": "skip", "reason": "away"}, form=HERE)

    assert "Assigned to eve" in await ada.text(path)


async def test_stranger_finds_no_task(ada: Visitor, bo: Visitor) -> None:
    _, path = await asked(ada)

    assert (await bo.get(path)).status_code == 404
    assert (await bo.post(path, {"verb": "claim"})).status_code == 404
    assert "First review" not in await bo.text(f"{HERE}?list=open")


async def test_forms_have_versions(ada: Visitor) -> None:
    document = '{"name": "review", "jsonSchema": {"properties": {"a": {"type": "string"}}}}'
    fields = {"name": "review", "jsonSchema": '{"properties": {"b": {}}}', "templateUI": "{}"}

    await ada.post("/new/form", {"tab": "json", "document": document}, form="/new/form")
    again = await ada.post("/new/form", {"tab": "json", "document": document}, form="/new/form")
    await ada.post("/definitions/forms/review", fields, form="/new/form")
    first = await ada.get("/definitions/forms/review?version=1")
    text = await ada.text("/definitions/forms")
    gone = {"verb": "delete", "typed": "review"}
    await ada.post("/definitions/forms/review", gone, form="/new/form")

    assert "There is a form review already" in words(again.text)
    assert 'name="answer.a"' in first.text
    assert "2 of 2" in text
    assert (await ada.get("/definitions/forms/review")).status_code == 404


async def test_every_kind_of_property_is_read_back() -> None:
    schema = {
        "properties": {
            "choice": {"enum": [1, "two"]},
            "whole": {"type": "integer"},
            "number": {"type": "number"},
            "flag": {"type": "boolean"},
            "list": {"type": "array", "items": {"type": "string"}},
            "rest": {"type": "object"},
        }
    }
    answer = {
        "choice": 1,
        "whole": 5,
        "number": 2.5,
        "flag": True,
        "list": ["a", "b"],
        "rest": {"deep": [1]},
    }
    sections = form_sections(schema, {})

    texts = texts_of(sections, {"answer": answer})
    document, findings = written(sections, {}, texts)

    assert document == {"answer": answer}
    assert findings == []
    assert fill(sections, texts)["answer.flag"].field.kind is Kind.CHECK


@pytest.mark.parametrize("schema", [{}, {"properties": []}, {"properties": {"a.b": {}}}])
async def test_odd_schema_gives_no_fields(schema: dict[str, Any]) -> None:
    assert form_sections(schema, {"elements": "none"}) == ()


async def test_names_become_words() -> None:
    assert said("approvedBy") == "Approved by"
    assert said("first_name") == "First name"
