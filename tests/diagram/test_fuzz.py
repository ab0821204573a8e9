"""Random executions of real definitions, unfolded at random, draw: valid, apart and nested.

The definitions are the samples' and, where the folder is there, those from the field. The seed is
in the header of the run (PLAYGROUND_LAW_SEED); PLAYGROUND_FUZZ_DRAWINGS says how many are drawn.
"""

import itertools
import json
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from playground.diagram import Inside, View, draw, lay_out
from playground.diagram.blocks import Mark, Shape
from playground.diagram.layout import Layout, Node
from playground.diagram.standalone import standalone
from playground.diagram.svg import TaskLinks
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.model.task_types import RUNNER_BY_TYPE
from sample_workflows import samples
from tests.diagram.drawings import EVERYTHING, TASK_TYPES

CONFORMANCE = Path(__file__).parents[3] / "shared" / "conformance"
DRAWINGS = int(os.environ.get("PLAYGROUND_FUZZ_DRAWINGS", "200"))
MOST_NODES_COMPARED = 150


class EveryLink(TaskLinks):
    """Everything that can lead somewhere does."""

    def turn(self, mark: Mark, number: int) -> str:
        return f"?turn={number}"

    def unfold(self, mark: Mark, page: int) -> str:
        return f"?open={page}"

    def child(self, mark: Mark) -> str:
        return "/executions/child"

    def row(self, row: int) -> str:
        return f"?row={row}"


def known_definitions() -> list[WorkflowDef]:
    documents = [one.workflow for one in samples()]
    if CONFORMANCE.is_dir():
        found = [json.loads(path.read_text()) for path in sorted(CONFORMANCE.glob("*.json"))]
        documents += [one for one in found if isinstance(one, dict) and "tasks" in one]
    return [EVERYTHING, *(msgspec.convert(one, WorkflowDef) for one in documents)]


DEFINITIONS = known_definitions()


def random_execution(chance: random.Random, definition: WorkflowDef) -> Execution:
    """Any of the tasks in any status, some again, some in turns, with others among them."""
    records: list[Task] = []
    for node in definition.all_tasks():
        if chance.random() < 0.25:
            continue
        records += _attempts(chance, node, len(records))
        if node.type == "FORK_JOIN_DYNAMIC":
            records += _children(chance, len(records))
    chance.shuffle(records) if chance.random() < 0.2 else None
    return Execution(status=chance.choice(list(WorkflowStatus)), tasks=records)


def _attempts(chance: random.Random, node: WorkflowTask, seq: int) -> Iterator[Task]:
    turns = chance.choice([0, 0, 0, 1, 2, 40])
    for turn in range(turns + 1):
        if turns and not turn:
            continue
        suffix = f"__{turn}" * chance.choice([1, 1, 2]) if turn else ""
        for attempt in range(chance.choice([1, 1, 1, 2, 3])):
            yield Task(
                task_id=f"{node.task_reference_name}{suffix}.{attempt}",
                reference_task_name=node.task_reference_name + suffix,
                task_def_name=node.name,
                task_type=chance.choice([node.type, chance.choice(TASK_TYPES)]),
                status=chance.choice(list(TaskStatus)),
                retry_count=attempt,
                iteration=turn,
                seq=seq + turn,
                sub_workflow_id=chance.choice([msgspec.UNSET, "a-child"]),
                workflow_task=chance.choice([msgspec.UNSET, node]),
            )


def _children(chance: random.Random, seq: int) -> Iterator[Task]:
    for at in range(chance.choice([0, 1, 5, 13, 60])):
        yield Task(
            task_id=f"made_{seq}_{at}",
            reference_task_name=f"made_{seq}_{at}",
            task_type=chance.choice(TASK_TYPES),
            status=chance.choice(list(TaskStatus)),
            seq=seq + at,
        )


def random_view(chance: random.Random, execution: Execution) -> View:
    ids = [task.task_id for task in execution.tasks]
    some = chance.sample(ids, min(len(ids), 6))
    child = chance.choice(DEFINITIONS[:20])
    inside = Inside(child, random_execution(chance, child))
    return View(
        turns={task_id: chance.randint(0, 45) for task_id in some},
        unfolded={task_id: chance.randint(0, 9) for task_id in ids if chance.random() < 0.3},
        inside=dict.fromkeys(some[:2], inside),
        row=chance.choice([None, 0, 7, 10_000]),
    )


def overlapping(nodes: Sequence[Node]) -> list[tuple[str, str]]:
    return [
        (one.mark.name, other.mark.name)
        for one, other in itertools.combinations(nodes[:MOST_NODES_COMPARED], 2)
        if one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    ]


def sticking_out(layout: Layout) -> list[str]:
    """What is neither inside nor outside of a frame, or outside the picture."""
    whole = Node(Mark(layout.nodes[0].mark.shape), 0, 0, layout.width, layout.height)
    frames = [node for node in layout.nodes if node.is_frame][:40]
    return [
        node.mark.name
        for frame in [whole, *frames]
        for node in layout.nodes[:MOST_NODES_COMPARED]
        if node is not frame
        and overlapping([frame, node])
        and not _encloses(frame, node)
        and not _encloses(node, frame)
    ]


def _encloses(outer: Node, inner: Node) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )


@pytest.mark.parametrize("at", range(DRAWINGS))
def test_random_execution_draws(at: int) -> None:
    chance = random.Random(f"{os.environ['PLAYGROUND_LAW_SEED']}/{at}")
    definition = DEFINITIONS[at % len(DEFINITIONS)]
    execution = random_execution(chance, definition)

    layout = lay_out(definition, execution, view=random_view(chance, execution))
    svg = draw(layout, links=EveryLink("?task="), selected=chance.choice(["", "made_1_0"]))

    assert not overlapping([node for node in layout.nodes if not node.is_frame])
    assert not sticking_out(layout)
    assert 'style="' not in svg
    assert ElementTree.fromstring(standalone(svg)).tag.endswith("svg")


def all_in(status: TaskStatus, definition: WorkflowDef) -> Execution:
    """Every task of the definition in that status, with one child of each dynamic fork."""
    nodes = list(definition.all_tasks())
    records = [
        Task(
            task_id=f"{at}",
            reference_task_name=node.task_reference_name,
            task_def_name=node.name,
            task_type=node.type,
            status=status,
            seq=2 * at,
        )
        for at, node in enumerate(nodes)
    ]
    made = [
        Task(task_id=f"{at}m", reference_task_name=f"m{at}", status=status, seq=2 * at + 1)
        for at, node in enumerate(nodes)
        if node.type == "FORK_JOIN_DYNAMIC"
    ]
    return Execution(tasks=sorted(records + made, key=lambda task: task.seq))


@pytest.mark.parametrize("status", TaskStatus)
def test_every_definition_draws_with_all_tasks_in_a_status(status: TaskStatus) -> None:
    drawn = {one.name: draw(lay_out(one, all_in(status, one))) for one in DEFINITIONS}

    tags = {ElementTree.fromstring(svg).tag.rpartition("}")[2] for svg in drawn.values()}
    assert tags == {"svg"}
    assert [name for name, svg in drawn.items() if "cannot be drawn" in svg] == []


def test_random_executions_are_of_every_definition() -> None:
    assert len(DEFINITIONS) <= DRAWINGS


def test_the_types_that_are_drawn_are_all_there_are() -> None:
    assert RUNNER_BY_TYPE.keys() - set(TASK_TYPES) == set()


def test_what_cannot_be_drawn_becomes_a_card() -> None:
    broken = WorkflowTask(name="odd", task_reference_name="odd", type="SWITCH")
    msgspec.structs.force_setattr(broken, "decision_cases", ["not", "a", "map"])

    layout = lay_out(WorkflowDef(name="broken", tasks=[broken, EVERYTHING.tasks[0]]))

    assert [node.mark.detail for node in layout.nodes if node.mark.ref == "odd"] == [
        "cannot be drawn"
    ]
    assert "event" in {node.mark.ref for node in layout.nodes}
    assert 'class="node card odd" data-ref="odd"' in draw(layout)


def test_a_fork_that_cannot_be_drawn_keeps_its_join() -> None:
    fork = WorkflowTask(name="odd", task_reference_name="odd", type="FORK_JOIN")
    msgspec.structs.force_setattr(fork, "fork_tasks", 7)
    join = WorkflowTask(name="meet", task_reference_name="meet", type="JOIN")

    layout = lay_out(WorkflowDef(name="broken", tasks=[fork, join, EVERYTHING.tasks[0]]))

    refs = [node.mark.ref for node in layout.nodes if node.mark.ref]
    assert refs == ["odd", "meet", "event"]
    assert not overlapping(layout.nodes)


def test_what_fails_while_it_is_drawn_becomes_a_card() -> None:
    broken = replace(lay_out(EVERYTHING).nodes[1], mark=Mark(Shape.CARD, ref="odd", name="odd"))
    object.__setattr__(broken.mark, "type", 7)
    layout = lay_out(EVERYTHING)

    svg = draw(replace(layout, nodes=[broken, *layout.nodes]))

    assert "cannot be drawn" in svg
    assert 'data-ref="event"' in svg
