"""What the drawn SVG says: golden pictures, safe for any name, every type in every status.

`pytest --update-golden` rewrites `tests/golden/diagrams`; review the difference as code.
"""

import json
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings

from playground.diagram import (
    Inside,
    View,
    definition_svg,
    draw,
    execution_svg,
    lay_out,
    thumbnail_svg,
)
from playground.diagram.icons import STATUS_ICONS, STATUS_WORDS
from playground.model.definitions import WorkflowDef
from playground.model.execution import Execution, TaskStatus, WorkflowStatus
from tests.diagram.drawings import (
    EVERYTHING,
    POPULATION,
    TASK_TYPES,
    a_definition,
    a_record,
    a_task,
    an_execution,
    dynamic_children,
    random_executions,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "diagrams"
CONFORMANCE = Path(__file__).parents[3] / "shared" / "conformance"
SVG = "{http://www.w3.org/2000/svg}"

HALF_WAY = an_execution(
    a_record("event", seq=1),
    a_record("loop", seq=2, iteration=2),
    a_record("poll__1", seq=3, iteration=1),
    a_record("pause__1", seq=4, iteration=1),
    a_record("poll__2", TaskStatus.FAILED, seq=5, iteration=2),
    a_record("poll__2", seq=6, iteration=2, retry_count=1),
    a_record("pause__2", seq=7, iteration=2),
    a_record("route", seq=8, task_type="SWITCH"),
    a_record("business", TaskStatus.SKIPPED, seq=9),
    *dynamic_children(3),
)
FINISHED = an_execution(
    *(a_record(ref, seq=at) for at, ref in enumerate(("get_population", "fork", "max", "min"))),
    a_record("join", seq=9),
    status=WorkflowStatus.COMPLETED,
)

FAN = a_definition(a_task("fan_out", "FORK_JOIN_DYNAMIC"), a_task("fan_in", "JOIN"))
LOOP = a_definition(
    a_task("loop", "DO_WHILE", loop_over=[a_task("step"), a_task("inner", "DO_WHILE")])
)
LOOPED = an_execution(
    a_record("loop", TaskStatus.IN_PROGRESS, seq=1, iteration=30, task_type="DO_WHILE"),
    *(a_record(f"step__{at}", seq=1 + at, iteration=at) for at in range(1, 30)),
    a_record("step__30", TaskStatus.FAILED, seq=40, iteration=30),
)
PARENT = a_definition(a_task("child", "SUB_WORKFLOW"))
WITH_CHILD = an_execution(
    a_record("child", TaskStatus.IN_PROGRESS, task_type="SUB_WORKFLOW", sub_workflow_id="the-child")
)

EVERY_TYPE = a_definition(*(a_task(kind.lower(), kind) for kind in TASK_TYPES), name="types")
IN_TURN = an_execution(
    *(
        a_record(kind.lower(), list(TaskStatus)[at % len(TaskStatus)], seq=at, task_type=kind)
        for at, kind in enumerate(TASK_TYPES)
    )
)
UNDRAWABLE = a_definition(a_task("odd", "SWITCH"), a_task("after"))
msgspec.structs.force_setattr(UNDRAWABLE.tasks[0], "decision_cases", 7)

PICTURES = {
    "every_type_definition": definition_svg(EVERY_TYPE),
    "every_type_in_some_status": execution_svg(EVERY_TYPE, IN_TURN),
    "undrawable": definition_svg(UNDRAWABLE),
    "population_definition": definition_svg(POPULATION),
    "population_completed": execution_svg(POPULATION, FINISHED),
    "population_thumbnail": thumbnail_svg(POPULATION),
    "everything_definition": definition_svg(EVERYTHING),
    "everything_half_way": execution_svg(EVERYTHING, HALF_WAY),
    "everything_wide_fork": execution_svg(EVERYTHING, an_execution(*dynamic_children(40))),
    "fork_unfolded": execution_svg(
        FAN,
        an_execution(*dynamic_children(30)),
        view=View(unfolded={"fan_out": 3}),
    ),
    "loop_first_turn": execution_svg(LOOP, LOOPED, view=View(turns={"loop": 1})),
    "child_in_place": execution_svg(
        PARENT, WITH_CHILD, view=View(inside={"child": Inside(POPULATION, FINISHED)})
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    # One element a line, so that a difference reads like one.
    picture = PICTURES[name].replace("><", ">\n<") + "\n"
    golden = GOLDEN / f"{name}.svg"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(picture)

    assert picture == golden.read_text()


def link_of(svg: str, ref: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    return next(link for link in root.iter(f"{SVG}a") if link.get("data-ref") == ref)


def test_task_is_a_link_with_id_status_and_title() -> None:
    link = link_of(execution_svg(POPULATION, FINISHED), "get_population")

    assert link.get("id") == "t-get_population"
    assert link.get("href") == "?task=get_population"
    assert link.get("data-status") == "COMPLETED"
    assert link.findtext(f"{SVG}title") == "get_population, HTTP GET: Completed"


def test_attempts_are_counted_in_words_and_badge() -> None:
    link = link_of(execution_svg(EVERYTHING, HALF_WAY), "poll")

    assert "2 attempts, iteration 2" in (link.findtext(f"{SVG}title") or "")
    assert [text.text for text in link.iter(f"{SVG}text")][-1] == "2"


def test_definition_shows_no_status() -> None:
    svg = definition_svg(EVERYTHING)

    assert 'class="sign"' not in svg
    assert "Completed" not in svg


def test_every_status_has_its_own_sign_and_word() -> None:
    statuses = [*TaskStatus, *WorkflowStatus]

    assert {str(status) for status in statuses} <= STATUS_ICONS.keys() & STATUS_WORDS.keys()
    assert STATUS_ICONS["SCHEDULED"] != STATUS_ICONS["IN_PROGRESS"]
    assert STATUS_ICONS["SKIPPED"] != STATUS_ICONS["CANCELED"]


@pytest.mark.parametrize("task_type", TASK_TYPES)
@pytest.mark.parametrize("status", TaskStatus)
def test_every_type_draws_in_every_status(task_type: str, status: TaskStatus) -> None:
    definition = a_definition(a_task("odd", task_type))

    svg = execution_svg(definition, an_execution(a_record("odd", status, task_type=task_type)))

    assert link_of(svg, "odd").get("data-status") == status


HOSTILE = '"><script>alert(1)</script>&\x00\ud800\uffff  ${x}'


def test_hostile_names_stay_text() -> None:
    task = a_task(HOSTILE, "SWITCH", decision_cases={HOSTILE: [a_task("x")]})

    svg = execution_svg(a_definition(task, name=HOSTILE), an_execution(a_record(HOSTILE)))

    assert "<script" not in svg
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_two_tasks_with_one_reference_get_two_ids() -> None:
    svg = definition_svg(a_definition(a_task("twice"), a_task("twice")))

    assert re.findall(r'id="(t-[^"]*)"', svg) == ["t-twice", "t-twice~2"]


def test_tasks_of_an_inner_workflow_are_no_links() -> None:
    svg = definition_svg(EVERYTHING)

    assert 'data-ref="child"' in svg
    assert 'data-ref="inside"' not in svg


@given(random_executions())
@settings(max_examples=80, deadline=None)
def test_anything_draws_as_xml_without_inline_code(
    drawn: tuple[WorkflowDef, Execution],
) -> None:
    for svg in (execution_svg(*drawn), thumbnail_svg(drawn[0])):
        attributes = {
            name for element in ElementTree.fromstring(svg).iter() for name in element.attrib
        }

        assert "style" not in attributes
        assert not {name for name in attributes if name.startswith("on")}


@pytest.mark.skipif(
    not CONFORMANCE.is_dir(), reason="needs the folder of definitions from the field"
)
def test_definitions_from_the_field_draw() -> None:
    documents = [json.loads(path.read_text()) for path in sorted(CONFORMANCE.glob("*.json"))]
    definitions = [
        msgspec.convert(document, WorkflowDef)
        for document in documents
        if isinstance(document, dict) and "tasks" in document
    ]

    drawn = [ElementTree.fromstring(definition_svg(definition)) for definition in definitions]

    assert len(drawn) > 50


def test_five_hundred_tasks_draw_small_and_fast() -> None:
    refs = [f"task_{at}" for at in range(500)]
    definition = a_definition(*(a_task(ref) for ref in refs))
    execution = an_execution(*(a_record(ref, seq=at) for at, ref in enumerate(refs)))
    started = time.perf_counter()

    svg = execution_svg(definition, execution)

    took_ms = (time.perf_counter() - started) * 1000
    print(f"500 tasks drawn in {took_ms:.0f} ms, {len(svg) / 1000:.0f} KB")
    assert len(svg) < 400_000
    assert took_ms < 10_000


def test_places_to_add_a_task_are_links_only_where_asked_for() -> None:
    layout = lay_out(POPULATION)
    plain, editable = draw(layout), draw(layout, insert_link="#insert=")

    links = [
        link
        for link in ElementTree.fromstring(editable).iter(f"{SVG}a")
        if link.get("class") == "insert"
    ]

    assert "insert" not in plain
    assert len(links) == len(layout.inserts)
    assert links[0].get("aria-label") == "Add a task before get_population"
