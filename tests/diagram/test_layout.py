"""Where things are drawn: the laws of the layout over random definitions, and its named rules."""

import itertools
import time

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from playground.diagram.blocks import CARD_HEIGHT, GAP, Shape
from playground.diagram.building import View
from playground.diagram.layout import Layout, Node, lay_out
from playground.model.definitions import SubWorkflowParams, WorkflowDef, WorkflowTask
from playground.model.execution import Execution, TaskStatus, WorkflowStatus
from tests.diagram.drawings import (
    EVERYTHING,
    POPULATION,
    a_definition,
    a_record,
    a_task,
    an_execution,
    dynamic_children,
    random_definitions,
    random_executions,
)

laws = settings(max_examples=60, deadline=None)


def overlap(one: Node, other: Node) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def encloses(frame: Node, node: Node) -> bool:
    return (
        frame.x <= node.x
        and frame.y <= node.y
        and node.x + node.width <= frame.x + frame.width
        and node.y + node.height <= frame.y + frame.height
    )


def by_ref(layout: Layout) -> dict[str, Node]:
    return {node.mark.ref: node for node in layout.nodes if node.mark.ref}


def shapes(layout: Layout) -> list[str]:
    return [str(node.mark.shape) for node in layout.nodes]


@given(random_definitions)
@laws
def test_no_two_nodes_overlap(definition: WorkflowDef) -> None:
    solid = [node for node in lay_out(definition).nodes if not node.is_frame]

    assert not [pair for pair in itertools.combinations(solid, 2) if overlap(*pair)]


@given(random_definitions)
@laws
def test_frames_enclose_or_stay_apart(definition: WorkflowDef) -> None:
    nodes = lay_out(definition).nodes
    frames = [node for node in nodes if node.is_frame]

    assert not [
        (frame, node)
        for frame in frames
        for node in nodes
        if node is not frame
        and overlap(frame, node)
        and not encloses(frame, node)
        and not encloses(node, frame)
    ]


@given(random_executions())
@laws
def test_everything_lies_inside_the_picture(
    drawn: tuple[WorkflowDef, Execution],
) -> None:
    layout = lay_out(*drawn)
    corners = [point for edge in layout.edges for point in edge.points]
    corners += [(n.x, n.y) for n in layout.nodes]
    corners += [(n.x + n.width, n.y + n.height) for n in layout.nodes]

    assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in corners)


@given(random_definitions)
@laws
def test_edges_go_straight_or_at_right_angles(definition: WorkflowDef) -> None:
    edges = lay_out(definition).edges
    pieces = [pair for edge in edges for pair in itertools.pairwise(edge.points)]

    assert all(abs(a[0] - b[0]) < 1e-6 or abs(a[1] - b[1]) < 1e-6 for a, b in pieces)


@given(random_definitions, st.integers(0, 4))
@laws
def test_a_task_added_moves_what_follows_as_one(definition: WorkflowDef, at: int) -> None:
    """What stands above stays, what follows moves down by one card; nothing is shuffled."""
    tasks = definition.tasks
    at = min(at, len(tasks))
    assume(at == 0 or at == len(tasks) or tasks[at].type != "JOIN")
    longer = WorkflowDef(
        name=definition.name, tasks=[*tasks[:at], a_task("the-added-one"), *tasks[at:]]
    )

    before, after = lay_out(definition).nodes, lay_out(longer).nodes

    added = next(i for i, node in enumerate(after) if node.mark.ref == "the-added-one")
    above = {moved(*pair) for pair in zip(before[:added], after[:added], strict=True)}
    below = {moved(*pair) for pair in zip(before[added:], after[added + 1 :], strict=True)}
    assert {down for _, down in above} == {0}
    assert {down for _, down in below} == {CARD_HEIGHT + GAP}
    assert len({across for across, _ in above | below}) == 1


@given(random_definitions, random_definitions)
@settings(max_examples=25, deadline=None)
def test_a_branch_that_grows_moves_no_other(one: WorkflowDef, other: WorkflowDef) -> None:
    """Tasks beside it stay where they are to each other, and at their height."""
    join = a_task("join", "JOIN")
    grown = [*one.tasks, a_task("the-added-one")]
    before = lay_out(a_definition(a_fork(one.tasks, other.tasks), join)).nodes
    after = lay_out(a_definition(a_fork(grown, other.tasks), join)).nodes

    beside = len(lay_out(other).nodes) - 2
    pairs = zip(before[-2 - beside : -2], after[-2 - beside : -2], strict=True)
    shifts = {moved(*pair) for pair in pairs}

    assert len({across for across, _ in shifts}) <= 1
    assert {down for _, down in shifts} <= {0}


def a_fork(*branches: list[WorkflowTask]) -> WorkflowTask:
    return a_task("fork", "FORK_JOIN", fork_tasks=list(branches))


def moved(before: Node, after: Node) -> tuple[float, float]:
    """By how much, to the right and down."""
    return round(after.x - before.x, 3), round(after.y - before.y, 3)


@given(random_executions())
@laws
def test_same_arguments_same_layout(drawn: tuple[WorkflowDef, Execution]) -> None:
    assert lay_out(*drawn) == lay_out(*drawn)


def test_fork_and_join_are_bars_over_all_branches() -> None:
    nodes = by_ref(lay_out(POPULATION))

    assert encloses_in_width(nodes["fork"], nodes["max"], nodes["min"])
    assert encloses_in_width(nodes["join"], nodes["max"], nodes["min"])
    assert nodes["max"].y == nodes["min"].y


def encloses_in_width(bar: Node, *nodes: Node) -> bool:
    return all(bar.x <= n.x and n.x + n.width <= bar.x + bar.width for n in nodes)


def test_every_case_carries_its_label() -> None:
    labels = [label.full_text for label in lay_out(EVERYTHING).labels]

    assert labels == ["education", "property", "reject", "default"]


def test_way_on_after_terminate_is_dashed() -> None:
    layout = lay_out(a_definition(a_task("stop", "TERMINATE"), a_task("never")))
    after_stop = layout.edges[1]

    assert after_stop.dashed
    assert not after_stop.arrow


def test_branch_the_join_leaves_out_is_dashed() -> None:
    assert len([edge for edge in lay_out(EVERYTHING).edges if edge.dashed]) == 2


def test_edges_light_up_as_far_as_control_went() -> None:
    execution = an_execution(
        a_record("get_population", seq=1),
        a_record("fork", seq=2),
        a_record("max", seq=3),
        a_record("min", TaskStatus.IN_PROGRESS, seq=4),
        a_record("join", TaskStatus.IN_PROGRESS, seq=5),
    )

    executed = [edge.executed for edge in lay_out(POPULATION, execution).edges]

    assert executed == [True, True, True, True, True, False, False]


def test_empty_case_is_known_by_the_output() -> None:
    route = a_record("route", task_type="SWITCH", output_data={"selectedCase": "property"})

    labels = lay_out(EVERYTHING, an_execution(route)).labels

    assert [label.text for label in labels if label.taken] == ["property"]


def test_twelve_dynamic_children_are_drawn_each() -> None:
    layout = lay_out(EVERYTHING, an_execution(*dynamic_children(12)))

    assert len([n for n in layout.nodes if n.mark.ref.startswith("child_")]) == 12


def test_thirteen_dynamic_children_become_a_stack() -> None:
    layout = lay_out(EVERYTHING, an_execution(*dynamic_children(13)))
    stack = next(node.mark for node in layout.nodes if node.mark.shape == Shape.STACK)

    assert stack.name == "13 parallel tasks"
    assert stack.detail == "13 of 13 done"


def test_stack_shows_the_worst_of_its_children() -> None:
    records = [
        *dynamic_children(20),
        a_record("child_3", TaskStatus.FAILED, 13, retry_count=1),
    ]

    layout = lay_out(EVERYTHING, an_execution(*records))
    stack = next(node.mark for node in layout.nodes if node.mark.shape == Shape.STACK)

    assert stack.state.status == "FAILED"


def test_loop_shows_its_newest_iteration_and_attempt() -> None:
    execution = an_execution(
        a_record("loop", TaskStatus.IN_PROGRESS, seq=1, iteration=2),
        a_record("poll__1", seq=2, iteration=1),
        a_record("poll__2", TaskStatus.FAILED, seq=3, iteration=2),
        a_record("poll__2", TaskStatus.SCHEDULED, seq=4, iteration=2, retry_count=1),
    )

    poll = by_ref(lay_out(EVERYTHING, execution))["poll"].mark.state

    assert (poll.status, poll.iteration, poll.attempts) == ("SCHEDULED", 2, 2)


def test_loop_within_a_loop_lights_up_by_both_turns() -> None:
    inner = a_task("inner", "DO_WHILE", loop_over=[a_task("step")])
    definition = a_definition(a_task("outer", "DO_WHILE", loop_over=[inner]))
    execution = an_execution(
        a_record("outer", TaskStatus.IN_PROGRESS, seq=1, iteration=2, task_type="DO_WHILE"),
        a_record("inner__1", seq=2, iteration=3, task_type="DO_WHILE"),
        a_record("step__1__3", TaskStatus.FAILED, seq=3, iteration=3),
        a_record("inner__2", TaskStatus.IN_PROGRESS, seq=4, iteration=1, task_type="DO_WHILE"),
        a_record("step__2__1", seq=5, iteration=1),
    )

    newest = by_ref(lay_out(definition, execution))
    first = by_ref(lay_out(definition, execution, view=View(turns={"outer": 1})))

    assert newest["step"].mark.state.status == "COMPLETED"
    assert first["step"].mark.state.status == "FAILED"
    assert first["step"].mark.is_past
    assert [turn.number for turn in newest["outer"].mark.turns] == [1, 2]


def test_long_series_shows_the_part_where_control_is() -> None:
    refs = [f"task_{at}" for at in range(2_000)]
    records = [a_record(ref, seq=at) for at, ref in enumerate(refs[:1_500])]

    drawn = lay_out(a_definition(*map(a_task, refs)), an_execution(*records)).nodes

    assert len(drawn) < 250
    assert "task_1499" in {node.mark.ref for node in drawn}
    assert [node.mark.name for node in drawn if node.mark.row is not None] == [
        "1,399 tasks before these",
        "401 tasks after these",
    ]


def test_end_lights_up_only_when_completed() -> None:
    running = lay_out(POPULATION, an_execution())
    completed = lay_out(POPULATION, an_execution(status=WorkflowStatus.COMPLETED))

    assert not running.nodes[-1].mark.state.done
    assert completed.nodes[-1].mark.state.done


def test_fork_without_a_join_still_comes_together() -> None:
    fork = a_task("fork", "FORK_JOIN", fork_tasks=[[a_task("a")], [a_task("b")]])

    assert "merge" in shapes(lay_out(a_definition(fork, a_task("after"))))


def test_nesting_beyond_any_screen_becomes_one_card() -> None:
    task = a_task("innermost")
    for depth in range(400):
        task = a_task(f"loop_{depth}", "DO_WHILE", loop_over=[task])

    layout = lay_out(a_definition(task))

    assert layout.nodes[-2].mark.detail == "more inside"


def test_two_thousand_tasks_take_a_moment() -> None:
    definition = a_definition(*(a_task(f"task_{at}") for at in range(2_000)))
    started = time.perf_counter()

    layout = lay_out(definition)

    took_ms = (time.perf_counter() - started) * 1000
    print(f"2,000 tasks laid out in {took_ms:.0f} ms")
    assert len(layout.nodes) == 2_002
    assert took_ms < 10_000


def test_every_edge_of_an_editor_takes_a_task() -> None:
    loop = a_task("loop", "DO_WHILE", loop_over=[a_task("body")])
    fork = a_task("fork", "FORK_JOIN", fork_tasks=[[a_task("left")], []])
    switch = a_task("route", "SWITCH", decision_cases={"a": [a_task("one")], "b": []})
    layout = lay_out(a_definition(loop, fork, a_task("join", "JOIN"), switch))

    assert sorted(insert.where for insert in layout.inserts) == sorted(
        [
            *("before:loop", "before:body", "after:body", "before:fork"),
            *("before:left", "after:left", "branch:1:fork", "before:route"),
            *("before:one", "after:one", "case:1:route", "default:route", "after:route"),
        ]
    )


def test_definition_without_tasks_takes_its_first() -> None:
    layout = lay_out(a_definition())

    assert [insert.where for insert in layout.inserts] == ["first"]


def test_nothing_is_added_inside_another_workflow() -> None:
    inner = SubWorkflowParams(workflow_definition=a_definition(a_task("inner")))
    layout = lay_out(a_definition(a_task("sub", "SUB_WORKFLOW", sub_workflow_param=inner)))

    assert [insert.where for insert in layout.inserts] == ["before:sub", "after:sub"]


@given(random_definitions)
@laws
def test_no_two_places_to_add_a_task_cover_each_other(definition: WorkflowDef) -> None:
    places = [(insert.x, insert.y) for insert in lay_out(definition).inserts]

    assert not [
        (one, other)
        for at, one in enumerate(places)
        for other in places[:at]
        if abs(one[0] - other[0]) < 20 and abs(one[1] - other[1]) < 20
    ]
