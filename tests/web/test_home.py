"""The home page as a learning path: first steps, questions, goals that tick themselves, search."""

from dataclasses import replace
from typing import Any

import pytest

from playground.engine import learning, metadata
from playground.engine import tasks as task_verbs
from playground.engine.runtime import Runtime
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.learning import FirstStep, Question
from playground.model.requests import TaskResult
from playground.sandbox.client import SandboxClient
from playground.web.home import narrowed, shelves, tags_of
from sample_workflows import samples
from sample_workflows.goals import goals
from tests.web.visiting import Visitor, words

pytestmark = pytest.mark.anyio


@pytest.fixture
def rt(rt: Runtime, sandbox: SandboxClient) -> Runtime:
    """With a sandbox, which is who reads the switches of samples."""
    return replace(rt, sandbox=sandbox)


async def work(visitor: Visitor, task_type: str, output: dict[str, Any] | None = None) -> None:
    """Poll once as a worker, and complete what comes."""
    handed = await task_verbs.poll(visitor.rt, visitor.caller, task_type, worker_id="mine")
    result = TaskResult(
        task_id=handed[0].task_id,
        workflow_instance_id=handed[0].workflow_instance_id,
        status="COMPLETED",
        output_data=output or {},
    )
    await task_verbs.update(visitor.rt, visitor.caller, result)


async def progress(visitor: Visitor) -> Any:
    return await learning.progress(visitor.rt, visitor.caller, own_workflows=False)


async def test_first_steps_tick_themselves_and_stay(ada: Visitor) -> None:
    own = WorkflowDef(
        name="mine", tasks=[WorkflowTask(name="pack", task_reference_name="pack_ref")]
    )
    before = await ada.text("/")
    await metadata.register_workflow(ada.rt, ada.caller, own)
    await ada.start("mine")
    await work(ada, "pack")

    assert "First steps 0 of 5" in before
    assert "First steps 4 of 5" in await ada.text("/")
    await metadata.delete_workflow(ada.rt, ada.caller, "mine", 1)
    assert (await progress(ada)).steps == set(FirstStep) - {FirstStep.KEY}


async def test_strangers_steps_are_not_mine(ada: Visitor, bo: Visitor) -> None:
    await ada.start("simple_wf")

    assert "First steps 1 of 5" in await ada.text("/")
    assert "First steps 0 of 5" in await bo.text("/")


async def test_goal_is_reached_by_a_run_that_ends(ada: Visitor) -> None:
    await ada.start("simple_wf", input={"firstNumber": 1, "secondNumber": 2})
    while_running = (await progress(ada)).goals
    await work(ada, "simplest_task", {"result": 3})

    assert while_running == frozenset()
    assert (await progress(ada)).goals == {"simple_wf"}
    assert "Done: run it to its end" in await ada.text("/?q=simple_wf")


async def test_goal_of_a_way_is_reached_only_by_that_way(ada: Visitor) -> None:
    await ada.start("shipping_switch", input={"service": "fedex"})
    await work(ada, "ship_via_fedex")
    by_another_way = (await progress(ada)).goals
    await ada.start("shipping_switch", input={"service": "ups"})
    await work(ada, "ship_via_ups")

    assert by_another_way == frozenset()
    assert (await progress(ada)).goals == {"shipping_switch"}


def test_every_goal_names_a_task_of_its_sample() -> None:
    refs = {
        one.name: str(one.workflow["tasks"]) + "".join(str(each) for each in one.also)
        for one in samples()
    }

    assert {one.sample for one in goals()} == set(refs)
    assert all(f"'{goal.task}'" in refs[goal.sample] for goal in goals() if goal.task)
    assert all(bool(goal.task) != bool(goal.status) for goal in goals())


async def test_answers_are_kept_and_suggest_samples(ada: Visitor) -> None:
    given = {"purpose": "idea", "field": "orders", "language": "go", "more": "x"}
    await ada.post("/first-steps/answers", given)

    page = await ada.text("/")
    assert "So that you see what fits" not in page
    assert "For what you build order_flow saga_order_fulfillment" in page
    async with ada.rt.reading(ada.caller.namespace) as connection:
        assert await learning.language_of(connection) == "go"


async def test_nonsense_is_no_answer_and_skipping_asks_no_more(ada: Visitor) -> None:
    await ada.post("/first-steps/answers", {"language": "<script>", "skip": "yes"})

    assert (await progress(ada)).answers == {}
    assert "So that you see what fits" not in await ada.text("/")


async def test_first_steps_are_put_away_and_brought_back(ada: Visitor) -> None:
    await ada.post("/first-steps/answers", {"field": "data"})
    await ada.post("/first-steps/hide", {})
    away = await ada.text("/")
    await ada.post("/first-steps/show", {})

    assert "Connect a worker" not in away
    assert "First steps and questions again" in away
    assert "Connect a worker" in await ada.text("/")
    assert (await progress(ada)).answers == {Question.FIELD: "data"}


def test_gallery_is_searched_by_words_and_tags() -> None:
    lessons = shelves({one.name for one in samples()}, "http://here/samples")

    def found(search: str, tag: str = "") -> list[str]:
        return [one.name for shelf in narrowed(lessons, search, tag) for one in shelf.samples]

    assert found("wide fork") == ["wide_fork"]
    assert found("IMAGE resize") == found("", "images")
    assert found("nothing has this") == []
    assert len(found("")) == len(samples())
    assert set(found("", "loop")) >= {"poll_until_done", "shopping_cart"}
    assert "sample" not in tags_of(lessons)


async def test_search_says_what_it_found(ada: Visitor) -> None:
    assert "1 sample with “wide fork”" in await ada.text("/?q=wide+fork")
    assert "No sample fits" in await ada.text("/?q=zzz")


@pytest.mark.parametrize("path", ["answers", "hide", "show"])
async def test_without_a_session_there_is_nothing_to_change(nobody: Visitor, path: str) -> None:
    answer = await nobody.client.post(f"/first-steps/{path}", data={})

    assert answer.status_code == 401


async def test_walk_leads_through_the_tasks_in_order(ada: Visitor) -> None:
    first = await ada.get("/definitions/workflows/PopulationMaxMin?task=get_population_data_ref")
    last = await ada.text("/definitions/workflows/PopulationMaxMin?version=1&task=join_ref")

    assert "Walk through its 5 tasks" in await ada.text("/definitions/workflows/PopulationMaxMin")
    assert "Task 1 of 5" in words(first.text)
    assert 'rel="next"' in first.text
    assert 'rel="prev"' not in first.text
    assert "Task 5 of 5 Run it" in last
