"""Around the editor: the list with tags, versions and their differences, deleting, files."""

import json
import re
from typing import Any

import pytest
from msgspec import convert

from playground.engine import metadata
from playground.model.definitions import SubWorkflowParams, TaskDef, WorkflowDef
from playground.model.errors import Invalid
from playground.store import queries
from playground.web.definition_files import bundle_of
from playground.web.definition_versions import versions_page
from playground.web.forms import Form
from playground.web.workflow_definitions import definitions_page, tag_of
from tests.support.builders import a_line, a_task, a_workflow_def, simple
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio

LIST = "/definitions/workflows"


async def register(visitor: Visitor, name: str, version: int = 1, **fields: Any) -> WorkflowDef:
    definition = a_workflow_def([simple("t")], name=name, version=version, **fields)
    await metadata.register_workflow(visitor.rt, visitor.caller, definition)
    return definition


async def versions_of(visitor: Visitor, name: str) -> list[int]:
    async with visitor.rt.reading(visitor.caller.namespace) as connection:
        return [one.version for one in await queries.workflow_versions(connection, name)]


# Tags


async def test_tags_are_changed_and_filtered_by(ada: Visitor) -> None:
    await register(ada, "mine")

    await ada.post(f"{LIST}/mine/tags", {"tags": "team: billing, draft"})

    assert "team:billing" in await ada.text(f"{LIST}/mine")
    found = await ada.text(f"{LIST}?tag=team:billing")
    assert "mine" in found
    assert "simple_wf" not in found
    assert "1 of" in found


async def test_tags_can_be_taken_off(ada: Visitor) -> None:
    await register(ada, "mine")
    await ada.post(f"{LIST}/mine/tags", {"tags": "draft"})

    await ada.post(f"{LIST}/mine/tags", {"tags": ""})

    assert "No definition matches" in await ada.text(f"{LIST}?tag=draft")


async def test_wrong_tag_is_explained(ada: Visitor) -> None:
    await register(ada, "mine")

    answer = await ada.post(f"{LIST}/mine/tags", {"tags": "k" * 300})

    assert answer.status_code == 400
    assert "longer than 255 characters" in words(answer.text)


async def test_stranger_cannot_tag(ada: Visitor, bo: Visitor) -> None:
    await register(ada, "only_adas")

    answer = await bo.post(f"{LIST}/only_adas/tags", {"tags": "mine"})

    assert answer.status_code == 404


def test_search_finds_tags_too() -> None:
    definitions = [a_line(a_workflow_def([], name=name)) for name in ("a", "b")]

    page = definitions_page(definitions, "BILL", {"a": [tag_of("team:billing")]})

    assert [one.name for one in page.definitions] == ["a"]
    assert page.tags == ("team:billing",)


# Versions


async def test_versions_are_those_that_exist(ada: Visitor) -> None:
    await register(ada, "mine", 3)
    await register(ada, "mine", 7, description="seven")

    page = await ada.get(f"{LIST}/mine/versions")

    assert re.findall(r"\?version=(\d+)\"", page.text)[:2] == ["7", "7"]
    assert "Version 5" not in page.text
    assert '<tr class="new">' in page.text


async def test_any_two_versions_are_compared(ada: Visitor) -> None:
    for version, text in ((1, "aa"), (2, "bb"), (3, "cc")):
        await register(ada, "mine", version, description=text)

    page = (await ada.get(f"{LIST}/mine/versions?old=1&new=3")).text

    assert "<mark>aa</mark>" in page
    assert "<mark>cc</mark>" in page
    assert "<mark>bb</mark>" not in page


def test_comparison_begins_with_the_two_highest() -> None:
    found = [a_workflow_def([simple("t")], version=version) for version in (1, 4, 9)]

    page = versions_page(found, {9: 2}, Form([]))

    assert (page.old, page.new) == (4, 9)
    assert [(one.version, one.running) for one in page.versions] == [(9, 2), (4, 0), (1, 0)]


@pytest.mark.parametrize("query", ["?old=1&new=77", "?new=77"])
async def test_version_that_is_not_there_is_not_compared(ada: Visitor, query: str) -> None:
    assert (await ada.get(f"{LIST}/simple_wf/versions{query}")).status_code == 404


# Deleting


async def test_name_has_to_be_typed(ada: Visitor) -> None:
    await register(ada, "mine")

    answer = await ada.post(f"{LIST}/mine/delete", {"version": "0", "typed": "min"})

    assert answer.status_code == 400
    assert "Type the name mine" in words(answer.text)
    assert await versions_of(ada, "mine") == [1]


async def test_one_version_is_deleted(ada: Visitor) -> None:
    await register(ada, "mine", 1)
    await register(ada, "mine", 2)

    answer = await ada.post(f"{LIST}/mine/delete", {"version": "1", "typed": "mine"})

    assert answer.headers["location"] == f"{LIST}/mine/versions"
    assert await versions_of(ada, "mine") == [2]


async def test_all_versions_are_deleted_together(ada: Visitor) -> None:
    await register(ada, "mine", 1)
    await register(ada, "mine", 2)

    answer = await ada.post(f"{LIST}/mine/delete", {"version": "0", "typed": "mine"})

    assert await versions_of(ada, "mine") == []
    assert "mine is deleted" in await ada.text(answer.headers["location"])


async def test_deleting_says_who_still_uses_it(ada: Visitor) -> None:
    await register(ada, "child")
    param = SubWorkflowParams(name="child")
    parent = a_workflow_def(
        [a_task("c", "SUB_WORKFLOW", sub_workflow_param=param)], name="the_parent"
    )
    await metadata.register_workflow(ada.rt, ada.caller, parent)

    text = await ada.text(f"{LIST}/child/delete")

    assert "the_parent , has it as sub-workflow" in text
    assert "child sub-workflow" in await ada.text(f"{LIST}/the_parent")


async def test_stranger_cannot_delete(ada: Visitor, bo: Visitor) -> None:
    await register(ada, "only_adas")

    answer = await bo.post(f"{LIST}/only_adas/delete", {"version": "0", "typed": "only_adas"})

    assert answer.status_code == 404
    assert await versions_of(ada, "only_adas") == [1]


# Files


async def test_export_comes_back_in_elsewhere(ada: Visitor, bo: Visitor) -> None:
    await register(ada, "mine", 1)
    await register(ada, "mine", 2)
    file = (await ada.get("/definitions/export")).text

    answer = await bo.post("/definitions/import", {"file": file, "existing": "keep"})

    assert await versions_of(bo, "mine") == [1, 2]
    assert "created" in words(answer.text)
    assert "it is there already" in words(answer.text)


async def test_export_holds_no_variable_of_ours(ada: Visitor) -> None:
    file = (await ada.get("/definitions/export")).text

    assert "workflow.env.SAMPLES_URL" not in file
    assert f"{ada.rt.samples_url}/random" in file


@pytest.mark.parametrize(
    ("existing", "versions", "outcome"),
    [("keep", [1], "kept"), ("replace", [1], "replaced"), ("version", [1, 2], "created")],
)
async def test_what_is_there_is_treated_as_chosen(
    ada: Visitor, existing: str, versions: list[int], outcome: str
) -> None:
    await register(ada, "mine")
    file = json.dumps({"name": "mine", "tasks": [{"name": "n", "taskReferenceName": "n"}]})

    answer = await ada.post("/definitions/import", {"file": file, "existing": existing})

    assert outcome in words(answer.text)
    assert await versions_of(ada, "mine") == versions


async def test_one_refused_definition_keeps_no_other_out(ada: Visitor) -> None:
    good = {"name": "good", "tasks": [{"name": "n", "taskReferenceName": "n"}]}
    file = json.dumps([{"name": "bad", "tasks": []}, good])

    answer = await ada.post("/definitions/import", {"file": file, "existing": "keep"})

    assert "refused : WorkflowTask list cannot be empty" in words(answer.text)
    assert await versions_of(ada, "good") == [1]


@pytest.mark.parametrize("file", ["", "{", "[]", '{"a": 1}', "7", '{"tasks": 7}'])
async def test_file_without_definitions_is_explained(ada: Visitor, file: str) -> None:
    answer = await ada.post("/definitions/import", {"file": file})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_bundle_reads_every_kind_of_file() -> None:
    one = {"name": "a", "tasks": []}
    bundle = {"workflowDefs": [one], "taskDefs": [{"name": "t"}]}

    read = [bundle_of(json.dumps(file), max_bytes=10_000) for file in (one, [one, one], bundle)]

    assert [len(each.workflow_defs) for each in read] == [1, 2, 1]
    assert read[2].task_defs == [convert({"name": "t"}, TaskDef)]


def test_too_large_a_file_is_refused() -> None:
    with pytest.raises(Invalid):
        bundle_of('{"tasks": []}', max_bytes=5)
