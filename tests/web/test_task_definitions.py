"""Task definitions in the browser: what the form writes, what it says, who uses one."""

import pytest

from playground.model.definitions import TaskDef
from playground.store import queries
from playground.web.task_definitions import sentences_of
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio
HERE = "/definitions/tasks"
FIELDS = {
    "name": "send_mail",
    "retryCount": "5",
    "retryLogic": "EXPONENTIAL_BACKOFF",
    "timeoutPolicy": "RETRY",
    "inputKeys": "to\nsubject\n",
    "inputTemplate": '{"from": "us"}',
    "tags": "team:billing\nurgent:yes",
}


async def saved(visitor: Visitor, name: str = "send_mail") -> TaskDef | None:
    async with visitor.rt.reading(visitor.caller.namespace) as connection:
        return await queries.task_def(connection, name)


async def test_form_makes_a_definition_with_tags(ada: Visitor) -> None:
    answer = await ada.post("/new/task", FIELDS, form=HERE)
    made = await saved(ada)
    tagged = await ada.text(f"{HERE}?tag=team:billing")

    assert answer.headers["location"] == f"{HERE}/send_mail?saved=1"
    assert made is not None
    assert (made.retry_count, made.retry_logic, made.timeout_policy) == (
        5,
        "EXPONENTIAL_BACKOFF",
        "RETRY",
    )
    assert made.input_keys == ["to", "subject"]
    assert made.input_template == {"from": "us"}
    assert made.retry_delay_seconds == 60, "what is left empty has its default"
    assert "send_mail" in tagged
    assert "simplest_task" not in tagged


async def test_engine_finding_stands_beside_its_field(ada: Visitor) -> None:
    fields = FIELDS | {"responseTimeoutSeconds": "20", "timeoutSeconds": "10"}

    answer = await ada.post("/new/task", fields, form=HERE)

    assert answer.status_code == 400
    assert 'id="f-responseTimeoutSeconds-problem" role="alert">TaskDef: send_mail' in answer.text
    assert 'value="20"' in answer.text


async def test_changing_keeps_what_the_form_does_not_show(ada: Visitor) -> None:
    document = '{"name": "send_mail", "baseType": "HTTP", "retryCount": 1}'
    await ada.post("/new/task", {"tab": "json", "document": document}, form=HERE)

    await ada.post(f"{HERE}/send_mail", FIELDS, form=HERE)
    made = await saved(ada)

    assert made is not None
    assert (made.base_type, made.retry_count) == ("HTTP", 5)


async def test_json_cannot_rename(ada: Visitor) -> None:
    await ada.post("/new/task", FIELDS, form=HERE)

    answer = await ada.post(
        f"{HERE}/send_mail", {"tab": "json", "document": '{"name": "other"}'}, form=HERE
    )

    assert answer.status_code == 400
    assert "This is send_mail." in words(answer.text)


async def test_workflows_that_use_it_are_named(ada: Visitor) -> None:
    assert "simple_wf" in await ada.text(f"{HERE}/simplest_task")


async def test_taken_name_and_deleting_by_name(ada: Visitor) -> None:
    await ada.post("/new/task", FIELDS, form=HERE)

    again = await ada.post("/new/task", FIELDS, form=HERE)
    wrong = await ada.post(f"{HERE}/send_mail", {"verb": "delete", "typed": "x"}, form=HERE)
    await ada.post(f"{HERE}/send_mail", {"verb": "delete", "typed": "send_mail"}, form=HERE)

    assert "There is a task definition send_mail already" in words(again.text)
    assert "Nothing was deleted" in words(wrong.text)
    assert await saved(ada) is None


async def test_copy_begins_with_the_same_policies(ada: Visitor) -> None:
    await ada.post("/new/task", FIELDS, form=HERE)

    page = await ada.get("/new/task?copy=send_mail")

    assert 'value="send_mail-copy"' in page.text
    assert "team:billing" in page.text


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (TaskDef(retry_count=0), "A failure is final: there is no retry."),
        (TaskDef(), "A failure is retried up to 3 times, each after 1 min 0 s."),
        (
            TaskDef(retry_count=1, retry_logic="EXPONENTIAL_BACKOFF", max_retry_delay_seconds=90),
            "A failure is retried once, first after 1 min 0 s, then twice as long each time, "
            "at most 1 min 30 s.",
        ),
        (TaskDef(poll_timeout_seconds=30), "It waits 30.0 s for a worker."),
        (TaskDef(concurrent_exec_limit=2), "At most 2 are in work at once."),
    ],
)
async def test_policies_in_words(definition: TaskDef, sentence: str) -> None:
    assert sentence in sentences_of(definition)
