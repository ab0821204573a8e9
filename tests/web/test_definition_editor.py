"""Writing definitions: what the editor is told, and saving so that nobody's work is lost."""

import json
import re
from html import unescape
from typing import Any

import httpx2
import pytest

from playground.engine import metadata
from playground.engine.metadata import changed_at
from playground.model.definitions import WorkflowDef
from playground.store import queries
from playground.web.completions import paths_in
from playground.web.definition_editor import facts_of
from playground.web.text_diff import diff_lines
from tests.engine.running import finish, poll_one
from tests.support.builders import a_workflow_def, simple
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio


def a_text(name: str = "mine", version: int = 1, **fields: Any) -> str:
    task = {"name": "one", "taskReferenceName": "one_ref", "type": "NOOP"}
    return json.dumps({"name": name, "version": version, "tasks": [task], **fields}, indent=2)


async def check(visitor: Visitor, text: str, query: str = "") -> dict[str, Any]:
    token = await _token(visitor)
    answer = await visitor.client.post(
        f"/definitions/check{query}",
        content=text.encode(),
        headers={"X-CSRF-Token": token, "Content-Type": "text/plain"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _token(visitor: Visitor) -> str:
    page = await visitor.get("/definitions/workflows/new?template=empty")
    match = re.search(r'data-csrf="([^"]*)"', page.text)
    assert match is not None
    return match[1]


async def stored(visitor: Visitor, name: str, version: int | None = None) -> WorkflowDef | None:
    async with visitor.rt.reading(visitor.caller.namespace) as connection:
        return await queries.workflow_def(connection, name, version)


def a_form(text: str, **fields: str) -> dict[str, str]:
    return {"name": "", "base_version": "0", "seen_time": "0", "definition": text} | fields


def choices(page: str) -> list[str]:
    return re.findall(r'name="how" value="([^"]*)"', page)


# Checking


async def test_one_answer_has_findings_picture_and_facts(ada: Visitor) -> None:
    answer = await check(ada, a_text(outputParameters={"x": "${nowhere.output.x}"}))

    [note] = answer["notes"]
    assert (note["severity"], note["path"]) == ("warning", "outputParameters.x")
    assert note["line"] > 1
    assert 'data-ref="one_ref"' in answer["svg"]
    assert 'data-insert="before:one_ref"' in answer["svg"]
    assert (answer["valid"], answer["facts"]["tasks"]) == (True, 1)


async def test_broken_text_gives_no_picture(ada: Visitor) -> None:
    answer = await check(ada, '{"name": "a",')

    assert (answer["svg"], answer["facts"], answer["valid"]) == (None, None, False)
    assert answer["notes"][0]["line"] == 1


async def test_offsets_are_those_of_browsers(ada: Visitor) -> None:
    text = a_text(description="🎉🎉", colour="red")

    [note] = (await check(ada, text))["notes"]

    units = text.encode("utf-16-le")
    assert units[2 * note["start"] : 2 * note["end"]].decode("utf-16-le") == '"colour": "red"'


async def test_checking_needs_the_pages_token(ada: Visitor) -> None:
    answer = await ada.client.post("/definitions/check", content=b"{}")

    assert answer.status_code == 403


async def test_very_long_text_is_refused(ada: Visitor) -> None:
    token = await _token(ada)

    answer = await ada.client.post(
        "/definitions/check", content=b" " * 1_300_000, headers={"X-CSRF-Token": token}
    )

    assert answer.status_code == 413


def test_facts_name_what_is_needed() -> None:
    definition = a_workflow_def(
        [simple("a", name="work", input_parameters={"x": "${workflow.input.order.id}"})],
        input_parameters=["region"],
    )

    facts = facts_of(definition)

    assert (facts.tasks, facts.workers, facts.inputs) == (1, ("work",), ("region", "order"))


# Completion


async def test_completions_know_names_and_past_runs(ada: Visitor) -> None:
    await ada.start("simple_wf", input={"firstNumber": 4, "deep": {"list": [{"a b": 1}]}})
    task = await poll_one(ada.rt, ada.caller, "simplest_task")
    await finish(ada.rt, ada.caller, task, {"sum": 9, "items": [{"id": "x"}]})

    answer = (await ada.client.get("/definitions/completions?workflow=simple_wf")).json()

    assert answer["inputs"]["deep.list[0]['a b']"] == "number"
    assert answer["outputs"]["simplest_task_ref"] == {
        "sum": "number",
        "items": "list of 1",
        "items[0]": "object",
        "items[0].id": "text",
    }
    assert "simplest_task" in answer["workers"]
    assert "PopulationMaxMin" in answer["workflows"]
    assert "SAMPLES_URL" in answer["environment"]
    assert {"HTTP", "SWITCH"} <= {one["type"] for one in answer["types"]}


async def test_completions_hold_nothing_of_strangers(ada: Visitor, bo: Visitor) -> None:
    await ada.start("simple_wf", input={"mine": 1})

    answer = (await bo.client.get("/definitions/completions?workflow=simple_wf")).json()

    assert answer["inputs"] == {}


def test_paths_are_bounded() -> None:
    wide = {f"k{at}": {"x": 1} for at in range(500)}
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"d": deep}

    assert len(paths_in([wide])) == 200
    assert max(path.count(".") for path in paths_in([deep])) == 4


# Opening


async def test_editor_opens_what_is_stored(ada: Visitor) -> None:
    page = (await ada.get("/definitions/workflows/PopulationMaxMin/edit")).text

    text = re.search(r'name="definition"[^>]*>(.*?)</textarea>', page, flags=re.DOTALL)
    assert text is not None
    document = json.loads(unescape(text[1]))
    assert document["name"] == "PopulationMaxMin"
    assert "createTime" not in document
    assert 'data-insert="before:fork_ref"' in page


async def test_editors_styles_have_a_nonce_of_their_own(ada: Visitor) -> None:
    answers = [await ada.get("/definitions/workflows/simple_wf/edit") for _ in range(2)]

    nonces = [re.search(r'data-nonce="([^"]+)"', one.text) for one in answers]
    policies = [one.headers["Content-Security-Policy"] for one in answers]
    both = zip(nonces, policies, strict=True)
    assert all(found and f"'nonce-{found[1]}'" in policy for found, policy in both)
    assert policies[0] != policies[1]
    assert "script-src 'self';" in policies[0]


@pytest.mark.parametrize(
    "path",
    [
        "/definitions/workflows/no_such/edit",
        "/definitions/workflows/simple_wf/edit?version=77",
        "/definitions/workflows/new?from=no_such",
        "/definitions/workflows/new?template=no_such",
    ],
)
async def test_what_is_not_there_is_not_opened(ada: Visitor, path: str) -> None:
    assert (await ada.get(path)).status_code == 404


async def test_clone_has_a_name_of_its_own(ada: Visitor) -> None:
    page = (await ada.get("/definitions/workflows/new?from=simple_wf")).text

    assert "simple_wf_copy" in page


async def test_new_workflow_begins_with_a_choice(ada: Visitor) -> None:
    text = await ada.text("/definitions/workflows/new")

    assert "Empty" in text
    assert "Call an API" in text


async def test_text_is_checked_without_a_script(ada: Visitor) -> None:
    answer = await ada.post("/definitions/workflows/new", a_form('{"name": '))

    assert answer.status_code == 200
    assert "A value is missing here" in words(answer.text)
    assert "{&#34;name&#34;: " in answer.text


# Saving


async def test_new_definition_is_reviewed_and_saved(ada: Visitor) -> None:
    form = a_form(a_text())
    review = await ada.post("/definitions/review", form)
    assert await stored(ada, "mine") is None

    [how] = choices(review.text)
    saved = await ada.post("/definitions/save", form | {"how": how})

    assert saved.headers["location"] == "/definitions/workflows/mine/edit?version=1&saved=1"
    assert await stored(ada, "mine") is not None
    assert "Version 1 is saved" in await ada.text(saved.headers["location"])


async def test_review_shows_what_differs_and_stores_nothing(ada: Visitor) -> None:
    await _save(ada, a_text())

    review = await ada.post("/definitions/review", a_form(a_text(description="new words")))

    assert '<tr class="new">' in review.text
    assert "Replace version 1" in words(review.text)
    assert "Save as new version 2" in words(review.text)
    found = await stored(ada, "mine")
    assert found is not None
    assert not found.description


async def test_review_says_how_many_are_running(ada: Visitor) -> None:
    await ada.start("simple_wf")
    page = (await ada.get("/definitions/workflows/simple_wf/edit")).text
    text = re.search(r'name="definition"[^>]*>(.*?)</textarea>', page, flags=re.DOTALL)
    assert text is not None

    review = await ada.post("/definitions/review", a_form(unescape(text[1])))

    assert "1 running execution keeps the definition they began with" in words(review.text)


async def test_new_version_is_the_highest_plus_one(ada: Visitor) -> None:
    await _save(ada, a_text())
    await _save(ada, a_text(version=7))

    answer = await ada.post("/definitions/save", a_form(a_text(version=1)) | {"how": "new:0"})

    assert "version=8" in answer.headers["location"]


async def test_invalid_definition_goes_back_to_the_editor(ada: Visitor) -> None:
    answer = await ada.post("/definitions/review", a_form('{"name": "mine", "tasks": []}'))

    assert answer.status_code == 400
    assert "It cannot be saved like this" in words(answer.text)
    assert "WorkflowTask list cannot be empty" in words(answer.text)


async def test_somebody_elses_change_is_not_lost(ada: Visitor) -> None:
    await _save(ada, a_text())
    review = await ada.post("/definitions/review", a_form(a_text(description="mine")))
    hows = choices(review.text)
    theirs = a_workflow_def([simple("theirs")], name="mine", description="theirs")
    await metadata.register_workflow(ada.rt, ada.caller, theirs, overwrite=True)

    answer = await ada.post(
        "/definitions/save", a_form(a_text(description="mine")) | {"how": hows[1]}
    )

    assert answer.status_code == 409
    assert "changed by somebody else" in words(answer.text)
    found = await stored(ada, "mine")
    assert found is not None
    assert found.description == "theirs"


async def test_their_change_can_be_replaced_knowingly(ada: Visitor) -> None:
    await _save(ada, a_text())
    form = a_form(a_text(description="mine"))
    stale = await ada.post("/definitions/save", form | {"how": "replace:1"})
    assert stale.status_code == 409

    answer = await ada.post("/definitions/save", form | {"how": choices(stale.text)[1]})

    assert answer.status_code == 303


async def test_what_was_not_seen_is_not_replaced_by_enter(ada: Visitor) -> None:
    """The first way to save is the one that is chosen."""
    await _save(ada, a_text())
    opened = await stored(ada, "mine")
    assert opened is not None
    seen = {"name": "mine", "base_version": "1", "seen_time": str(changed_at(opened))}
    mine = a_text(description="mine")

    fresh = await ada.post("/definitions/review", a_form(mine, **seen))
    await ada.post("/definitions/save", a_form(a_text(description="theirs")) | {"how": "new:0"})
    named = await ada.post("/definitions/review", a_form(mine, **(seen | {"base_version": "2"})))
    stale = await ada.post("/definitions/review", a_form(mine, **(seen | {"seen_time": "1"})))

    ways = [[how.partition(":")[0] for how in choices(page.text)] for page in (fresh, named, stale)]
    assert ways == [["replace", "new"], ["new", "replace"], ["new", "replace"]]
    assert "was changed after you opened it" in words(stale.text)
    assert "is there already, and you opened version 2" in words(named.text)


async def test_two_who_create_the_same_do_not_overwrite_each_other(ada: Visitor) -> None:
    await _save(ada, a_text())

    answer = await ada.post(
        "/definitions/save", a_form(a_text(description="second")) | {"how": "replace:0"}
    )

    assert answer.status_code == 409


async def test_strangers_definition_is_not_reviewed(ada: Visitor, bo: Visitor) -> None:
    await _save(ada, a_text("only_adas"))

    review = await bo.post("/definitions/review", a_form(a_text("only_adas")))

    assert "A new workflow" in words(review.text)


async def _save(visitor: Visitor, text: str) -> httpx2.Response:
    review = await visitor.post("/definitions/review", a_form(text))
    answer = await visitor.post(
        "/definitions/save", a_form(text) | {"how": choices(review.text)[0]}
    )
    assert answer.status_code == 303
    return answer


# Differences


def test_equal_texts_have_no_lines() -> None:
    assert diff_lines("a\nb", "a\nb") == ()


def test_changed_line_marks_what_changed() -> None:
    [gone, new] = [
        line
        for line in diff_lines("one\ntwo three", "one\ntwo tree")
        if line.changed or line.kind != "same"
    ]

    assert (gone.kind, gone.before, gone.changed, gone.after) == ("gone", "two t", "h", "ree")
    assert (new.kind, new.changed) == ("new", "")


def test_unchanged_lines_become_a_gap() -> None:
    before = "\n".join(str(at) for at in range(50))

    lines = diff_lines(before, before.replace("25", "x"))

    assert [line.kind for line in lines if line.kind != "same"] == ["gap", "gone", "new", "gap"]
    assert (lines[0].old, lines[-1].old) == (22, 21)


async def test_words_come_with_the_picture(ada: Visitor) -> None:
    answer = await check(ada, a_text(outputParameters={"total": 1}))

    assert "total" in answer["brief"]
    assert 'class="sentence"' in answer["words"]
    assert 'title="one_ref"' in answer["words"]
    assert "<desc>" in answer["svg"]
