"""The worker in a tab and the switch of a stand-in: what the server gives and lets change."""

import pytest

from playground.engine import standing_in
from playground.web.browser_worker import first_program
from tests.web.visiting import Visitor

pytestmark = pytest.mark.anyio
SIMPLE = "/workers/browser?task=simplest_task"


async def test_page_may_frame_only_this_site(ada: Visitor) -> None:
    answer = await ada.get(SIMPLE)

    assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    assert 'sandbox="allow-scripts"' in answer.text
    assert "input.firstNumber + input.secondNumber" in answer.text
    assert "Run simple_wf" in answer.text


async def test_frame_has_no_origin_and_no_network(ada: Visitor) -> None:
    answer = await ada.client.get("/workers/frame")

    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert ada.caller.namespace not in answer.text


def test_no_program_comes_with_the_address() -> None:
    hostile = "'; fetch('/') //"

    assert hostile not in first_program(hostile)


async def test_without_a_task_there_is_no_page(ada: Visitor) -> None:
    assert (await ada.get("/workers/browser")).status_code == 404


async def test_stand_in_is_switched_off_and_on_again(ada: Visitor, bo: Visitor) -> None:
    landing = "/workers?task=ship_via_ups"
    fields = {"task": "ship_via_ups", "back": landing}

    left = await ada.post("/workers/stand-in", fields)
    off = await standing_in.working(ada.rt, ada.caller)
    assert left.headers["location"] == landing
    assert "ship_via_ups" not in off
    assert "ship_via_ups" in await standing_in.working(bo.rt, bo.caller)
    assert "leaves these tasks to your worker" in await ada.text(landing)

    await ada.post("/workers/stand-in", fields | {"on": "yes"})
    assert "ship_via_ups" in await standing_in.working(ada.rt, ada.caller)


async def test_there_is_no_switch_for_tasks_without_a_stand_in(ada: Visitor) -> None:
    answer = await ada.post("/workers/stand-in", {"task": "mine", "back": "/"})

    assert answer.status_code == 404
    assert "Leave it to my worker" not in await ada.text("/workers?task=mine")
