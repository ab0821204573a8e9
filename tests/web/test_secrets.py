"""Secrets and environment variables in the browser: set, replace, delete, and who uses them."""

import pytest

from playground.engine import environment, metadata, secrets
from playground.model.definitions import WorkflowDef, WorkflowTask
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio
SECRETS, ENVIRONMENT = "/settings/secrets", "/settings/environment"
VALUE = "hunter2-hunter2-hunter2-hunter2"


async def a_workflow_that_needs(visitor: Visitor, expression: str) -> None:
    task = WorkflowTask(
        name="call",
        task_reference_name="call_ref",
        input_parameters={"header": expression},
    )
    await metadata.register_workflow(
        visitor.rt, visitor.caller, WorkflowDef(name="needs_it", tasks=[task])
    )


async def test_secret_is_set_and_never_shown(ada: Visitor) -> None:
    await a_workflow_that_needs(ada, "Bearer ${workflow.secrets.TOKEN}")
    before = await ada.text(SECRETS)

    answer = await ada.post(SECRETS, {"name": "TOKEN", "value": VALUE}, form=SECRETS)
    page = await ada.get(answer.headers["location"])

    assert "ask for secrets that are not set: TOKEN" in before
    assert await secrets.value_of(ada.rt, ada.caller, "TOKEN") == VALUE
    assert "needs_it" in words(page.text)
    assert "ask for secrets that are not set" not in words(page.text)
    assert VALUE not in page.text
    assert VALUE[:3] not in words(page.text), "not even its beginning"


async def test_refused_secret_does_not_come_back(ada: Visitor) -> None:
    answer = await ada.post(SECRETS, {"name": "two words", "value": VALUE}, form=SECRETS)

    assert answer.status_code == 400
    assert "must be 1 to 255 of the characters" in words(answer.text)
    assert 'value="two words"' in answer.text
    assert VALUE not in answer.text


async def test_secret_is_replaced_and_deleted(ada: Visitor) -> None:
    await ada.post(SECRETS, {"name": "TOKEN", "value": "old"}, form=SECRETS)

    assert "Replace TOKEN" in await ada.text(f"{SECRETS}?name=TOKEN")
    await ada.post(SECRETS, {"name": "TOKEN", "value": VALUE}, form=SECRETS)
    assert await secrets.value_of(ada.rt, ada.caller, "TOKEN") == VALUE
    await ada.post(SECRETS, {"name": "TOKEN", "verb": "delete"}, form=SECRETS)
    assert await secrets.summaries(ada.rt, ada.caller) == []


async def test_variable_is_set_changed_and_deleted(ada: Visitor) -> None:
    await a_workflow_that_needs(ada, "${workflow.env.API_URL}/items")

    await ada.post(ENVIRONMENT, {"name": "API_URL", "value": "http://a"}, form=ENVIRONMENT)
    form = await ada.get(f"{ENVIRONMENT}?name=API_URL")
    text = words(form.text)
    await ada.post(ENVIRONMENT, {"name": "API_URL", "verb": "delete"}, form=ENVIRONMENT)

    assert "Change API_URL" in text
    assert "needs_it" in text
    assert ">http://a</textarea>" in form.text
    assert "API_URL" not in await environment.every(ada.rt, ada.caller)


async def test_supplied_variable_stays(ada: Visitor) -> None:
    answer = await ada.post(ENVIRONMENT, {"name": "SAMPLES_URL", "value": "x"}, form=ENVIRONMENT)

    assert answer.status_code == 409
    assert "supplied by the playground" in words(answer.text)


async def test_variables_download(ada: Visitor) -> None:
    answer = await ada.get(f"{ENVIRONMENT}?format=json")

    assert answer.json().keys() == {"SAMPLES_URL"}
