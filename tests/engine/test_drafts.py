"""A text that somebody is writing: everything to say about it, with line, column and task."""

import json

import pytest

from playground.decider import Severity
from playground.engine import drafts
from playground.engine.drafts import Note
from playground.engine.runtime import Runtime
from playground.store.definitions import workflow_names
from tenants.caller import Caller

pytestmark = pytest.mark.anyio

TEXT = """{
  "name": "mine",
  "tasks": [
    {"name": "one", "taskReferenceName": "one", "type": "SIMPLE"},
    {
      "name": "two", "taskReferenceName": "one", "type": "HTTP",
      "inputParameters": {"a": "${three.output.x}"}
    }
  ]
}"""


async def notes(rt: Runtime, caller: Caller, text: str) -> tuple[Note, ...]:
    return (await drafts.examine(rt, caller, text)).notes


async def test_good_text_is_valid_and_stored_nowhere(rt: Runtime, caller: Caller) -> None:
    text = json.dumps({"name": "mine", "tasks": [_noop()]})

    draft = await drafts.examine(rt, caller, text)

    assert draft.is_valid
    assert draft.notes == ()
    async with rt.reading(caller.namespace) as connection:
        assert "mine" not in await workflow_names(connection)


async def test_all_findings_come_with_line_and_task(rt: Runtime, caller: Caller) -> None:
    found = await notes(rt, caller, TEXT)

    errors = [one for one in found if one.severity is Severity.ERROR]
    assert [(one.line, one.column, one.path) for one in errors] == [
        (6, 22, "tasks[1].taskReferenceName"),
        (7, 7, "tasks[1].inputParameters.http_request"),
        (7, 27, "tasks[1].inputParameters.a"),
    ]
    assert {one.ref for one in errors} == {"one"}
    assert found[-1].severity is Severity.HINT


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{\n "name": "a"\n "tasks": []}', 3, "A comma or a closing bracket is missing"),
        ('{\n "name": "a",\n}', 3, "A comma too many"),
        ("", 1, "There is nothing here yet"),
        ('{"name": "a"} more', 1, "The document has ended before"),
    ],
)
async def test_broken_json_says_where_and_what(
    rt: Runtime, caller: Caller, text: str, line: int, words: str
) -> None:
    draft = await drafts.examine(rt, caller, text)

    assert draft.definition is None
    [note] = draft.notes
    assert (note.line, note.severity) == (line, Severity.ERROR)
    assert words in note.message


async def test_wrong_shape_names_the_line(rt: Runtime, caller: Caller) -> None:
    [note] = await notes(rt, caller, '{\n "name": "a",\n "version": "one"\n}')

    assert (note.line, note.path) == (3, "version")


async def test_too_long_a_text_is_said_kindly(rt: Runtime, caller: Caller) -> None:
    [note] = await notes(rt, caller, " " * (caller.plan.payload_bytes + 1))

    assert "at most" in note.message


def _noop() -> dict[str, str]:
    return {"name": "n", "taskReferenceName": "n", "type": "NOOP"}
